//! The state of a run, or of every run of a sweep.

use std::fs;
use std::path::{Path, PathBuf};

use super::folder::JobFolder;
use super::report::{self, NamedStatus, SubmittedRun};
use super::status::RunStatus;
use super::submission::Submission;
use crate::base::error::{Error, Finding, Result};

/// The state of the run, or of the sweep, in `folder`: as text, or as JSON.
///
/// # Errors
/// `Usage` if the folder holds no submitted run; `Failed` if it can't be listed.
pub fn status_of_folder(folder: &Path, as_json: bool) -> Result<String> {
    let root = std::path::absolute(folder)
        .map_err(|e| Error::usage(Finding::io("the folder has no usable path", folder, &e)))?;
    let folder = JobFolder::of(&root);
    if !folder.is_there() {
        let runs = runs_below(&root)?;
        if !runs.is_empty() {
            let statuses = statuses_of(runs.into_iter());
            return if as_json { json(&statuses) } else { Ok(report::of_sweep(&root, &statuses)) };
        }
    }
    let status = RunStatus::of(&folder, &folder.read()?)?;
    if as_json { json(&status) } else { Ok(report::of_run(&root, &status)) }
}

/// The state of each run, given by name and folder. An unreadable run does not hide the others.
pub fn statuses_of(runs: impl Iterator<Item = (String, PathBuf)>) -> Vec<NamedStatus> {
    let read = |(name, path): (String, PathBuf)| {
        let folder = JobFolder::of(&path);
        let submission = folder.is_there().then(|| folder.read());
        (name, folder, submission)
    };
    let runs: Vec<(String, JobFolder, Option<Result<Submission>>)> = runs.map(read).collect();
    let readable =
        runs.iter().filter_map(|(_, folder, submission)| Some((folder, submission.as_ref()?.as_ref().ok()?)));
    let mut statuses = RunStatus::of_all(&readable.collect::<Vec<_>>()).into_iter();
    let mut status = |submission: Result<Submission>| match submission.map(|_| statuses.next()) {
        Ok(Some(Ok(status))) => Some(SubmittedRun::Known(status)),
        Ok(Some(Err(error))) | Err(error) => Some(SubmittedRun::Unreadable { error }),
        Ok(None) => None,
    };
    let named = runs.into_iter().map(|(name, folder, submission)| {
        let path = folder.out().to_owned();
        (name, path, submission.and_then(&mut status))
    });
    named.collect()
}

/// The submitted runs in a sweep's folder, in the natural order of their names.
pub(super) fn runs_below(root: &Path) -> Result<Vec<(String, PathBuf)>> {
    let entries = fs::read_dir(root).map_err(|e| Error::usage(Finding::io("can't list the folder", root, &e)))?;
    let mut runs: Vec<(String, PathBuf)> = entries
        .flatten()
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .filter(|(_, path)| JobFolder::of(path).is_there())
        .collect();
    runs.sort_by(|(a, _), (b, _)| natord::compare(a, b));
    Ok(runs)
}

fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string_pretty(value)
        .map_err(|e| Error::failed(Finding::new("can't print the state as JSON").found(e.to_string())))
}
