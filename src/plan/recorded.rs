//! Reopens the inputs of a finished run from its record.

use std::path::Path;

use crate::base::error::{Error, Finding, Findings, Result};
use crate::formats::hierarchy::{Hierarchy, HierarchyOptions};
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
    let options = HierarchyOptions { subset: subset.map_err(Error::input)?, allow_unassigned, levels };
    let mut findings = Findings::new();
    let hierarchy = Hierarchy::open(folder, inputs.rows, inputs.dim, options, &mut findings, &mut Vec::new());
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
