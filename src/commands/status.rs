//! `clustrata status`: how far a submitted run is, or a grid of runs.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::StatusArgs;
use crate::error::{Error, Finding, Result};
use crate::slurm::{self, JobFolder, RunStatus};

/// A run's name, its folder, and how far it is; nothing where it was not begun.
pub(super) type NamedStatus = (String, PathBuf, Option<RunStatus>);

pub(super) fn run(args: &StatusArgs) -> Result<String> {
    let root = std::path::absolute(&args.folder)
        .map_err(|e| Error::usage(Finding::io("the folder has no usable path", &args.folder, &e)))?;
    let folder = JobFolder::of(&root);
    if !folder.is_there() {
        let runs = runs_below(&root)?;
        if !runs.is_empty() {
            let statuses = of_runs(runs.into_iter())?;
            return if args.json { json(&statuses) } else { Ok(slurm::of_grid(&root, &statuses)) };
        }
    }
    let status = RunStatus::of(&folder, &folder.read()?)?;
    if args.json { json(&status) } else { Ok(slurm::of_run(&root, &status)) }
}

/// How far each run is.
pub(super) fn of_runs(runs: impl Iterator<Item = (String, PathBuf)>) -> Result<Vec<NamedStatus>> {
    let runs: Vec<(String, PathBuf)> = runs.collect();
    let mut begun = Vec::new();
    for (_, path) in &runs {
        let folder = JobFolder::of(path);
        if folder.is_there() {
            let submission = folder.read()?;
            begun.push((folder, submission));
        }
    }
    let found = RunStatus::of_all(&begun)?;
    let mut by_folder: HashMap<PathBuf, RunStatus> =
        begun.iter().map(|(folder, _)| folder.out().to_owned()).zip(found).collect();
    Ok(runs
        .into_iter()
        .map(|(name, path)| {
            let status = by_folder.remove(&path);
            (name, path, status)
        })
        .collect())
}

/// The submitted runs in a grid's folder, in the natural order of their names.
fn runs_below(root: &Path) -> Result<Vec<(String, PathBuf)>> {
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
