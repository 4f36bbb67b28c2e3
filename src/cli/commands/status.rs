//! `clustrata status`: how far a submitted run is, or a grid of runs.

use std::fs;
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Finding, Result};
use crate::batch::slurm::{self, Begun, JobFolder, NamedStatus, RunStatus, Submission};
use crate::cli::args::StatusArgs;

pub(super) fn run(args: &StatusArgs) -> Result<String> {
    let root = std::path::absolute(&args.folder)
        .map_err(|e| Error::usage(Finding::io("the folder has no usable path", &args.folder, &e)))?;
    let folder = JobFolder::of(&root);
    if !folder.is_there() {
        let runs = runs_below(&root)?;
        if !runs.is_empty() {
            let statuses = of_runs(runs.into_iter());
            return if args.json { json(&statuses) } else { Ok(slurm::of_grid(&root, &statuses)) };
        }
    }
    let status = RunStatus::of(&folder, &folder.read()?)?;
    if args.json { json(&status) } else { Ok(slurm::of_run(&root, &status)) }
}

/// How far each run is. One that can't be read does not hide the others.
pub(super) fn of_runs(runs: impl Iterator<Item = (String, PathBuf)>) -> Vec<NamedStatus> {
    let read = |(name, path): (String, PathBuf)| {
        let folder = JobFolder::of(&path);
        let submission = folder.is_there().then(|| folder.read());
        (name, folder, submission)
    };
    let runs: Vec<(String, JobFolder, Option<Result<Submission>>)> = runs.map(read).collect();
    let readable =
        runs.iter().filter_map(|(_, folder, submission)| Some((folder, submission.as_ref()?.as_ref().ok()?)));
    let mut found = RunStatus::of_all(&readable.collect::<Vec<_>>()).into_iter();
    let mut status = |submission: Result<Submission>| match submission.map(|_| found.next()) {
        Ok(Some(Ok(status))) => Some(Begun::Known(status)),
        Ok(Some(Err(error))) | Err(error) => Some(Begun::Unreadable { error }),
        Ok(None) => None,
    };
    let named = runs.into_iter().map(|(name, folder, submission)| {
        let path = folder.out().to_owned();
        (name, path, submission.and_then(&mut status))
    });
    named.collect()
}

/// The submitted runs in a grid's folder, in the natural order of their names.
pub(super) fn runs_below(root: &Path) -> Result<Vec<(String, PathBuf)>> {
    let entries = fs::read_dir(root).map_err(|e| Error::usage(Finding::io("can't look into the folder", root, &e)))?;
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
