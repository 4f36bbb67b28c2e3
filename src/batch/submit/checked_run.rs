//! Runs whose inputs have passed their checks, with the files to write for them.

use crate::base::error::{Finding, Findings, Kind, Result};
use crate::batch::slurm::{self, JobFolder, Layout, Site, Submission};
use crate::batch::sweep::{Run, Sweep};
use crate::plan::CheckedInputs;

/// A run that can be submitted.
pub(super) struct CheckedRun<'a> {
    pub(super) run: &'a Run,
    pub(super) folder: JobFolder,
    /// Settings of `metrics --config`.
    pub(super) settings: String,
    pub(super) submission: Submission,
    /// The files of its folder: name and text.
    pub(super) files: Vec<(&'static str, String)>,
}

/// Checks the inputs of some runs of a sweep, and reports all findings together.
pub(super) fn check<'a>(sweep: &Sweep, runs: &[&'a Run], site: &Site, array_size: u64) -> Result<Vec<CheckedRun<'a>>> {
    let mut findings = Findings::new();
    let mut seen: Vec<Finding> = Vec::new();
    let mut checked = Vec::new();
    for &run in runs {
        match check_run(sweep, run, site, array_size) {
            Ok(run) => checked.push(run),
            // a problem of the disk or the system would hit every other run, too
            Err(error) if !matches!(error.kind(), Kind::Usage | Kind::Input) => {
                return Err(error);
            }
            Err(error) => {
                let new = error.findings().kept().iter().filter(|finding| !seen.contains(finding)).cloned();
                let new: Vec<Finding> = new.collect();
                for finding in &new {
                    match error.kind() {
                        Kind::Usage => findings.push_usage(finding.clone()),
                        _ => findings.push(finding.clone()),
                    }
                }
                seen.extend(new);
            }
        }
    }
    findings.into_result()?;
    Ok(checked)
}

fn check_run<'a>(sweep: &Sweep, run: &'a Run, site: &Site, array_size: u64) -> Result<CheckedRun<'a>> {
    let settings = run.to_options()?.resolve()?;
    // as for shards: all runs of a sweep compute the same metrics, whatever device each finds
    let settings = settings.for_parts().absolute();
    let checked = CheckedInputs::open(settings)?;
    for warning in &checked.warnings {
        tracing::warn!("{}: {warning}", run.name);
    }
    let layout = Layout::new(checked.embeddings.rows(), site.shards, array_size);
    let rounds = if checked.takes_two_rounds() { 2 } else { 1 };
    let name = format!("{}/{}", sweep.name, run.name);
    let folder = JobFolder::of(&checked.settings.out);
    let submission = Submission::new(&name, folder.out(), layout, rounds, site.max_running);
    let settings = checked.settings.to_yaml()?;
    let mut files = vec![("metrics.yaml", settings.clone())];
    files.extend(slurm::scripts(&submission, &folder, site)?);
    Ok(CheckedRun { run, folder, settings, submission, files })
}
