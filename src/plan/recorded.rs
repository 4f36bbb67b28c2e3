//! Reopens the inputs of a finished run from its record.

use std::path::{Path, PathBuf};

use crate::base::error::{Error, Finding, Findings, Result};
use crate::formats::hierarchy::{AssignmentOptions, AssignmentSource, Hierarchy, HierarchyOptions};
use crate::formats::labels;
use crate::formats::subset;
use crate::plan::record::RunRecord;

/// Opens the hierarchy that a run evaluated, at its recorded path or in `moved`, and checks that it matches the record: number
/// of rows, dimension, and number of clusters of each level.
///
/// # Errors
/// `Input` if the hierarchy is missing or does not match.
pub fn hierarchy(record: &RunRecord, moved: Option<&Path>) -> Result<Hierarchy> {
    let inputs = &record.inputs;
    let folder = moved.unwrap_or(&inputs.clustering);
    let subset = inputs.subset.as_ref().map(|file| subset::read(&file.path, inputs.rows)).transpose();
    let levels: Vec<u32> = record.levels.iter().map(|level| level.level).collect();
    let allow_unassigned = record.settings.get("allow-unassigned").and_then(serde_json::Value::as_bool) == Some(true);
    let subset = subset.map_err(Error::input)?;
    let mut findings = Findings::new();
    let hierarchy = if inputs.assignments.is_empty() {
        let options = HierarchyOptions { subset, allow_unassigned, levels };
        Hierarchy::open(folder, inputs.rows, inputs.dim, options, &mut findings, &mut Vec::new())
    } else {
        // centroids aren't needed, but they can say that there are more clusters than labels
        let mut clusters = vec![0; inputs.assignments.len()];
        for level in &record.levels {
            let index = inputs.assignments.iter().position(|assigned| assigned.level == level.level);
            index.into_iter().for_each(|index| clusters[index] = level.len());
        }
        let options = AssignmentOptions { clusters, levels, ..AssignmentOptions::default() };
        let (files, columns) = (label_files(record, moved), level_columns(record));
        let source = AssignmentSource { files: &files, columns: &columns, subset };
        source.open(inputs.rows, inputs.dim, options, &mut findings, &mut Vec::new())
    };
    findings.into_result()?;
    let hierarchy =
        hierarchy.ok_or_else(|| Error::input(Finding::new("the clustering could not be opened").file(folder)))?;
    for level in &record.levels {
        let there = hierarchy.levels.iter().find(|other| other.number == level.level);
        let clusters = there.map_or(0, |there| there.sizes.len());
        if clusters != level.len() {
            let finding = Finding::new("the clustering differs from the one that the run evaluated").file(folder);
            let finding = finding.level(level.level).expected(format!("{} clusters", level.len()));
            return Err(Error::input(
                finding.found(format!("{clusters} clusters")).hint("run `clustrata metrics` again"),
            ));
        }
    }
    Ok(hierarchy)
}

/// The files of labels of a run; in `moved`, if that is a folder. If it is a file, it takes the place of the only one.
fn label_files(record: &RunRecord, moved: Option<&Path>) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = record.inputs.assignments.iter().map(|level| level.file.clone()).collect();
    // a file can have several levels
    files.dedup();
    match moved {
        Some(folder) if folder.is_dir() => {
            files.into_iter().map(|file| file.file_name().map_or(file.clone(), |name| folder.join(name))).collect()
        }
        Some(file) => labels::label_files(file).unwrap_or_else(|| vec![file.to_owned()]),
        None => files,
    }
}

/// The columns of labels that the run was told to read.
fn level_columns(record: &RunRecord) -> Vec<String> {
    let columns = record.settings.get("level-columns").and_then(serde_json::Value::as_array);
    columns.into_iter().flatten().filter_map(serde_json::Value::as_str).map(str::to_owned).collect()
}
