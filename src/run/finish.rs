//! Writes the results: record, ranking, montages, tables.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::time::{Instant, SystemTime};

#[cfg(feature = "parquet")]
use super::exports;
use super::mapping::Mapping;
use super::{centroids, pictures};
use crate::backend::Tiling;
use crate::base::error::{Error, Finding, Result};
use crate::base::signals;
use crate::base::time::rfc3339;
use crate::engine::checkpoint_store::{Chain, Stage};
use crate::engine::partials::Counts;
use crate::engine::progress::Progress;
use crate::evaluate::{Evaluated, SecondRound, StageTime};
use crate::formats::distances::DistanceFile;
use crate::formats::folder::OutputFolder;
use crate::plan::Plan;
use crate::plan::record::{self, KmeansRecord, PartOf, RunRecord, StageRecord};
use crate::plan::settings::{Sample, Settings};
use crate::report::map::{self, FittedMap};
use crate::report::page::{self, Pictures};
use crate::report::tables;
use crate::report::tracking::events;
use crate::report::{findings, gallery};
use crate::run::buffers::Written;
use crate::run::legs::Legs;

/// What the record says of a run besides its metrics.
pub(super) struct RunSummary {
    pub(super) started: SystemTime,
    pub(super) legs: Legs,
    /// The settings, with what the run decided.
    pub(super) settings: Settings,
    /// Warnings, which the user has been told.
    pub(super) warnings: Vec<String>,
    pub(super) tiling: Tiling,
    /// Hash of the run's fingerprint.
    pub(super) plan_hash: String,
    /// By stage.
    pub(super) distances: BTreeMap<String, Counts>,
    /// The parts; empty for a run in one piece.
    pub(super) parts: Vec<PartOf>,
    pub(super) stages: Vec<StageTime>,
    pub(super) map: Mapping,
}

/// How many distances each stage computed.
pub(super) fn counts(first: Counts, second: &SecondRound) -> BTreeMap<String, Counts> {
    let rows = |sums: &Option<crate::engine::partials::RowSums>| sums.as_ref().map(|sums| sums.counts);
    let stages =
        [(Stage::Distances, Some(first)), (Stage::Search, rows(&second.search)), (Stage::Means, rows(&second.around))];
    let silhouettes = Chain::all().zip(&second.outer);
    let silhouettes = silhouettes.map(|(chain, outer)| (Stage::Silhouette(chain), Some(outer.counts)));
    let counted = stages.into_iter().chain(silhouettes).chain([(Stage::Cosine, rows(&second.cosine))]);
    counted.filter_map(|(stage, counts)| Some((stage.name().to_owned(), counts?))).collect()
}

/// Writes everything below the folder's staging.
pub(super) fn write_all(
    plan: &Plan,
    evaluated: &Evaluated,
    distances: &Written,
    mut summary: RunSummary,
    folder: &OutputFolder,
    progress: &dyn Progress,
) -> Result<RunRecord> {
    let clock = Instant::now();
    let told = summary.warnings.len();
    let files = distances.open()?;
    if plan.wants_montages() && summary.settings.sample != Sample::Random && files.is_empty() {
        if summary.settings.sample != Sample::Sections {
            summary.settings.sample = Sample::Random;
        }
        summary.warnings.push("the parts kept no distances: montages show a random sample of members".to_owned());
    }
    summary.settings = summary.settings.absolute();
    let config = summary.settings.to_yaml()?;
    let legs = summary.legs.clone();
    let mapping = std::mem::replace(&mut summary.map, Mapping::later());
    let mut record = record_of(plan, evaluated, summary);
    record.warnings.extend(folder.warnings().iter().cloned());
    match KmeansRecord::of(&plan.settings.clustering) {
        Ok(made) => record.kmeans = made,
        Err(wrong) => record.warnings.push(wrong.to_string().replace('\n', "; ")),
    }
    warn_of_skipped(&mut record, evaluated);
    record.warnings.extend(record.levels.iter().flat_map(record::Level::range_warnings));
    record.findings = Some(findings::of(&record));
    if plan.wants_montages() {
        pictures::make(plan, &mut record, &files, folder, progress)?;
        record.stages.push(StageRecord::new("montages", clock.elapsed().as_secs_f64()));
    }
    #[cfg_attr(
        not(feature = "parquet"),
        expect(unused_variables, reason = "only points.parquet has a place for every row")
    )]
    let mapped = add_for_report(plan, mapping, &mut record, &files)?;
    #[cfg(feature = "parquet")]
    if plan.settings.parquet {
        let clock = Instant::now();
        let kept = exports::Kept::open(&files, distances)?;
        exports::write(plan, &mut record, &kept, mapped.as_ref(), folder)?;
        record.stages.push(StageRecord::new("exports", clock.elapsed().as_secs_f64()));
    }
    drop(files);
    distances.remove_temporary();
    let clock = Instant::now();
    tables::write_tables(&record, |relative| folder.staging(relative))?;
    write_settings(&config, folder)?;
    centroids::write(plan, folder)?;
    record.stages.push(StageRecord::new("tables", clock.elapsed().as_secs_f64()));
    for warning in &record.warnings[told..] {
        tracing::warn!("{warning}");
    }
    record.provenance = Some(legs.provenance());
    tables::write_record(&folder.staging("record.json")?, &record)?;
    write_events(&record, folder)?;
    // from the record as written, so that `clustrata report` produces the same page
    tracing::info!("writing the report");
    let montage = |path: &std::path::Path| folder.staging(path);
    page::write(&record, folder, &montage, Pictures::Embedded, &signals::go_on)?;
    Ok(record)
}

/// Adds the map and the sample images to the record, so that the report needs the record alone.
fn add_for_report(
    plan: &Plan,
    mapping: Mapping,
    record: &mut RunRecord,
    files: &[DistanceFile],
) -> Result<Option<FittedMap>> {
    let (mapped, seconds) = mapping.end(plan);
    // hours of computation must not fail because of a picture
    let mapped = mapped.unwrap_or_else(|error| {
        record.warnings.push(format!("the report has no map: {}", error.to_string().replace('\n', "; ")));
        None
    });
    record.map = mapped.as_ref().map(|mapped| mapped.map.clone());
    if let Some(placed) = &mut record.map {
        map::describe(placed, files, plan.labels.as_ref());
    }
    record.stages.push(StageRecord::new("map", seconds));
    if plan.names.is_some() {
        let clock = Instant::now();
        let samples = gallery::samples(plan, &record.levels, files, &signals::go_on)?;
        record.levels.iter_mut().zip(samples).for_each(|(level, samples)| level.samples = samples);
        record.images = gallery::images(plan, &record.levels, record.map.as_ref())?;
        record.stages.push(StageRecord::new("samples", clock.elapsed().as_secs_f64()));
    }
    Ok(mapped)
}

fn record_of(plan: &Plan, evaluated: &Evaluated, summary: RunSummary) -> RunRecord {
    let level = |facts| record::Level::new(facts, &plan.metrics, &plan.ranking);
    RunRecord {
        format: record::FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect(),
        started: rfc3339(summary.started).unwrap_or_default(),
        device: plan.recorded_device(summary.tiling),
        settings: serde_json::to_value(&summary.settings).unwrap_or_default(),
        plan: summary.plan_hash,
        inputs: plan.recorded_inputs(),
        stages: stages(plan, &summary.stages),
        counters: plan.backend.traffic(),
        warnings: summary.warnings,
        skipped_rows: evaluated.skipped,
        distances: summary.distances,
        provenance: None,
        parts: summary.parts,
        kmeans: None,
        findings: None,
        metrics: plan.metrics.iter().map(|&metric| metric.into()).collect(),
        levels: evaluated.levels.iter().map(level).collect(),
        map: None,
        images: None,
    }
}

fn stages(plan: &Plan, times: &[StageTime]) -> Vec<StageRecord> {
    let rows = plan.embeddings.rows();
    let bytes = rows * plan.embeddings.stored_row_bytes() as u64;
    let stage = |time: &StageTime| match time.over_rows {
        true => StageRecord::over_rows(time.name, time.seconds, rows, bytes),
        false => StageRecord::new(time.name, time.seconds),
    };
    std::iter::once(StageRecord::new("open", plan.seconds)).chain(times.iter().map(stage)).collect()
}

fn warn_of_skipped(record: &mut RunRecord, evaluated: &Evaluated) {
    if evaluated.skipped > 0 {
        let first: Vec<String> = evaluated.first_skipped.iter().map(u64::to_string).collect();
        let text = format!(
            "{} rows hold {} and enter no metric (--nonfinite skip): {}{}",
            evaluated.skipped,
            if record.inputs.normalized { "a NaN, an infinity or only zeros" } else { "a NaN or an infinity" },
            first.join(", "),
            if evaluated.skipped > first.len() as u64 { ", ..." } else { "" }
        );
        record.warnings.push(text);
    }
}

fn write_events(record: &RunRecord, folder: &OutputFolder) -> Result<()> {
    let path = folder.staging("events.jsonl")?;
    let failed = |e: std::io::Error| Error::io("can't write the events", &path, &e);
    let mut file = BufWriter::new(File::create(&path).map_err(failed)?);
    events::write(&mut file, record).and_then(|()| file.flush()).map_err(failed)
}

fn write_settings(config: &str, folder: &OutputFolder) -> Result<()> {
    let path = folder.staging("config.yaml")?;
    std::fs::write(&path, config).map_err(|e| Error::failed(Finding::io("can't write the settings", &path, &e)))
}
