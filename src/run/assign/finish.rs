//! From complete parts to the output folder: arrays or a table, settings, and the record.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::inputs::Inputs;
use super::part::{LevelArrays, name, row_bytes};
use super::pass::NAMED;
use super::survey::Done;
use super::tables;
use crate::base::error::{Error, Finding, Result};
use crate::base::numeric::{as_real, to_usize};
use crate::base::signals;
use crate::base::time::rfc3339;
use crate::formats::distances::{Element, RowBuffer};
use crate::formats::folder::{ASSIGNMENT, OutputFolder, ensure_room};
use crate::formats::hierarchy::CentroidLevel;
use crate::plan::record::{AssignPart, AssignRecord, InputFile, LevelAssignment, Provenance};
use crate::plan::settings::{AssignFormat, AssignSettings};
use crate::run::legs::Legs;

/// Bytes per row of a table, at most, besides those of its arrays.
const TABLE_ROW: u64 = 32;

/// Writes everything to the staging folder. `parts` cover all rows once, in row order.
pub(super) fn write(
    inputs: &Inputs,
    settings: &AssignSettings,
    parts: &[Done],
    folder: &OutputFolder,
    (started, legs): (SystemTime, &Legs),
) -> Result<AssignRecord> {
    let (levels, first_skipped, skipped_rows) = count(inputs, parts)?;
    let rows = inputs.embeddings.rows();
    let mut files = match settings.format {
        AssignFormat::Npy => write_arrays(inputs, parts, folder)?,
        AssignFormat::Csv | AssignFormat::Parquet => {
            let row = row_bytes(inputs).saturating_mul(2).saturating_add(TABLE_ROW);
            ensure_room(folder.path(), rows.saturating_mul(row))?;
            let csv = settings.format == AssignFormat::Csv;
            let name = if csv { "assigned.csv" } else { "assigned.parquet" };
            let path = folder.staging(name)?;
            if csv { tables::write_csv(&path, inputs, parts) } else { tables::write_parquet(&path, inputs, parts) }?;
            vec![name.to_owned()]
        }
    };
    files.push("config.yaml".to_owned());
    let written = settings.clone().absolute();
    write_text(&folder.staging("config.yaml")?, &written.to_yaml()?)?;
    let mut warnings = inputs.warnings.clone();
    warnings.extend(folder.warnings().iter().cloned());
    if skipped_rows > 0 {
        let text =
            format!("{skipped_rows} of {rows} rows were skipped, because they are not finite: their label is -1");
        tracing::warn!("{text}");
        warnings.push(text);
    }
    let record = AssignRecord {
        format: AssignRecord::FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect(),
        started: rfc3339(started).unwrap_or_default(),
        fingerprint: parts.first().map(|part| part.state.fingerprint.clone()).unwrap_or_default(),
        settings: serde_json::to_value(&written).unwrap_or_default(),
        embeddings: inputs.embeddings.files().iter().zip(&settings.embeddings).map(InputFile::of_embeddings).collect(),
        patterns: inputs.embeddings.matched(&settings.matches),
        rows,
        dim: inputs.embeddings.dim(),
        dtype: inputs.embeddings.stored_dtype().descr().to_owned(),
        normalized: inputs.embeddings.is_normalized(),
        centroids: inputs.levels.iter().flat_map(|level| &level.files).map(|path| InputFile::of(path)).collect(),
        skipped_rows,
        first_skipped,
        levels,
        provenance: Some(Provenance::of(parts.iter().flat_map(|part| part.state.legs.clone()).chain([legs.own()]))),
        parts: parts.iter().map(|part| part.state.worker.clone()).collect::<Vec<AssignPart>>(),
        files,
        warnings,
    };
    let path = folder.staging(ASSIGNMENT)?;
    let text = serde_json::to_string_pretty(&record).map_err(|e| {
        let finding = Finding::new("can't write the record of an assignment").file(&path).found(e.to_string());
        Error::failed(finding.hint("use paths that are valid Unicode"))
    })?;
    write_text(&path, &text)?;
    Ok(record)
}

/// Sizes and mean distances of each level, the first skipped rows and their number. Checks the arrays of several parts, which
/// other machines may have written.
fn count(inputs: &Inputs, parts: &[Done]) -> Result<(Vec<LevelAssignment>, Vec<u64>, u64)> {
    let clusters = |level: &CentroidLevel| level.centroids.view().rows();
    let mut sizes: Vec<Vec<u64>> = inputs.levels.iter().map(|level| vec![0; clusters(level)]).collect();
    let mut sums = vec![0.0; inputs.levels.len()];
    let (mut first_skipped, mut skipped) = (Vec::new(), 0);
    for part in parts {
        signals::go_on()?;
        for (number, level) in part.arrays(inputs, parts.len() > 1)?.iter().enumerate() {
            for ((row, &label), &distance) in
                (part.rows().start..).zip(level.labels.values()).zip(level.distances.values())
            {
                match usize::try_from(label).ok().and_then(|label| sizes[number].get_mut(label)) {
                    Some(size) => {
                        *size += 1;
                        sums[number] += f64::from(distance);
                    }
                    None if number == 0 => {
                        skipped += 1;
                        first_skipped.extend(Some(row).filter(|_| skipped <= NAMED as u64));
                    }
                    None => {}
                }
            }
        }
    }
    let level = |((level, sizes), sum): ((&CentroidLevel, Vec<u64>), f64)| {
        let rows: u64 = sizes.iter().sum();
        LevelAssignment {
            level: level.number,
            clusters: sizes.len() as u64,
            searched: inputs.searches(level),
            empty_clusters: sizes.iter().filter(|size| **size == 0).count() as u64,
            mean_distance: (rows > 0).then(|| sum / as_real(rows)),
            sizes,
        }
    };
    Ok((inputs.levels.iter().zip(sizes).zip(sums).map(level).collect(), first_skipped, skipped))
}

/// Puts the arrays of a single part in place, or joins those of several. Returns the files.
fn write_arrays(inputs: &Inputs, parts: &[Done], folder: &OutputFolder) -> Result<Vec<String>> {
    let mut files = Vec::new();
    for level in &inputs.levels {
        let margins = inputs.searches(level).then_some("margins");
        for what in ["labels", "distances"].into_iter().chain(margins) {
            let target = format!("level{}/{what}.npy", level.number);
            let path = folder.staging(&target)?;
            files.push(target);
            if let [part] = parts {
                place(&part.folder.join(name(level.number, what)), &path)?;
            }
        }
    }
    if parts.len() == 1 {
        return Ok(files);
    }
    let rows = inputs.embeddings.rows();
    ensure_room(folder.path(), rows.saturating_mul(row_bytes(inputs)))?;
    for (number, level) in inputs.levels.iter().enumerate() {
        let path = |what: &str| folder.staging(format!("level{}/{what}.npy", level.number));
        join(&path("labels")?, rows, inputs, parts, |arrays| Some(&arrays[number].labels))?;
        join(&path("distances")?, rows, inputs, parts, |arrays| Some(&arrays[number].distances))?;
        if inputs.searches(level) {
            join(&path("margins")?, rows, inputs, parts, |arrays| arrays[number].margins.as_ref())?;
        }
    }
    Ok(files)
}

/// Links a file into place. It also stays in the part's folder until that is removed, so that a run that is killed before it is
/// complete can be resumed.
fn place(from: &Path, to: &PathBuf) -> Result<()> {
    // some file systems have no hard links
    let placed = fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(drop));
    placed.map_err(|e| Error::io("can't move an array into place", to, &e))
}

/// Joins one array of all parts.
fn join<T: Element>(
    path: &Path,
    rows: u64,
    inputs: &Inputs,
    parts: &[Done],
    of: impl Fn(&[LevelArrays]) -> Option<&RowBuffer<T>>,
) -> Result<()> {
    let mut whole = RowBuffer::<T>::create(path, rows, None)?;
    for part in parts {
        signals::go_on()?;
        let (arrays, rows) = (part.arrays(inputs, false)?, part.rows());
        let values = of(&arrays).map_or(&[][..], RowBuffer::values);
        whole.values_mut()[to_usize(rows.start)..to_usize(rows.end)].copy_from_slice(values);
    }
    whole.finish()
}

fn write_text(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|e| Error::io("can't write a file of the assignment", path, &e))
}
