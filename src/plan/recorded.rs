//! The inputs of a run that is done, opened again from what its record says.

use std::path::Path;

use crate::base::error::{Error, Finding, Findings, Result};
use crate::formats::hierarchy::{Hierarchy, HierarchyOptions};
use crate::formats::subset;
use crate::plan::record::RunRecord;

/// Opens the hierarchy that a run judged, where it lay then or in `moved`, and checks that it is the same as far as the
/// record tells: rows, columns and the number of clusters of each level.
///
/// # Errors
/// `Input` where it is not there any more, or is another one.
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
            let finding = Finding::new("the clustering is not the one that the run judged").file(folder);
            let finding = finding.level(level.level).expected(format!("{} clusters", level.len()));
            return Err(Error::input(finding.found(format!("{clusters} clusters")).hint("run `metrics` again")));
        }
    }
    Ok(hierarchy)
}
