//! Finds runs below folders.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::identity;
use super::read::{self, Run};
use crate::base::error::{Error, Finding, Findings, Result};
use crate::base::text::counted;
use crate::formats::folder::{PARTS, RECORD};

/// The runs found below some folders.
#[derive(Debug)]
pub struct Found {
    /// Finished runs, in the natural order of their folders.
    pub runs: Vec<Run>,
    /// Folders of unfinished runs, which have no record yet.
    pub incomplete: Vec<PathBuf>,
    /// Records and folders that could not be read and were skipped.
    pub skipped: Vec<Finding>,
}

/// Finds and reads every record below the folders. Symbolic links are followed; each folder is visited once.
///
/// # Errors
/// `Input` if there is no finished run, or, unless `skip_damaged`, if a record or folder can't be read.
pub fn below(folders: &[PathBuf], skip_damaged: bool) -> Result<Found> {
    let mut walk = Walk::default();
    for folder in folders {
        if !folder.is_dir() {
            let missing = Finding::new("the folder to collect from does not exist").file(folder);
            return Err(Error::input(missing.hint("give folders of runs, or folders that contain them")));
        }
        walk.visit(folder);
    }
    natural_order(&mut walk.complete);
    natural_order(&mut walk.incomplete);
    let mut runs = Vec::new();
    for folder in &walk.complete {
        match read::run(folder) {
            Ok(run) => runs.push(run),
            Err(damaged) => walk.unreadable.push(damaged),
        }
    }
    if !skip_damaged && !walk.unreadable.is_empty() {
        let mut findings = Findings::new();
        walk.unreadable.into_iter().for_each(|damaged| findings.push(damaged));
        findings.into_result()?;
        return Err(Error::input(Finding::new("a record can't be read")));
    }
    if runs.is_empty() {
        return Err(Error::input(nothing(folders, walk.incomplete.len())));
    }
    read::name_runs(&mut runs);
    identity::unify(runs.iter_mut().map(|run| (&mut run.settings, &run.inputs)));
    Ok(Found { runs, incomplete: walk.incomplete, skipped: walk.unreadable })
}

fn nothing(folders: &[PathBuf], incomplete: usize) -> Finding {
    let finding = Finding::new("there is no finished run below the folders").expected(format!("a {RECORD} per run"));
    let finding = finding.file(folders.first().cloned().unwrap_or_default());
    match incomplete {
        0 => finding.hint("give the folders that `clustrata metrics` wrote to, or a folder above them"),
        some => finding.found(counted(some, "unfinished run")).hint("see `clustrata status`"),
    }
}

fn natural_order(folders: &mut [PathBuf]) {
    folders.sort_by(|a, b| natord::compare(&a.to_string_lossy(), &b.to_string_lossy()).then_with(|| a.cmp(b)));
}

/// A walk over folders.
#[derive(Debug, Default)]
struct Walk {
    /// Canonical paths, so that loops of links end and a folder given twice counts once.
    visited: BTreeSet<PathBuf>,
    complete: Vec<PathBuf>,
    incomplete: Vec<PathBuf>,
    unreadable: Vec<Finding>,
}

impl Walk {
    fn visit(&mut self, root: &Path) {
        let mut pending = vec![root.to_owned()];
        while let Some(folder) = pending.pop() {
            if let Err(e) = self.enter(&folder, &mut pending) {
                let hint = "check its permissions, or skip unreadable folders with --skip-damaged";
                self.unreadable.push(Finding::io("can't read a folder", &folder, &e).hint(hint));
            }
        }
    }

    fn enter(&mut self, folder: &Path, pending: &mut Vec<PathBuf>) -> std::io::Result<()> {
        let real = fs::canonicalize(folder)?;
        if !self.visited.insert(real) {
            return Ok(());
        }
        let mut names = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if is_folder(&entry)? {
                names.push(entry.file_name());
            }
        }
        let (complete, begun) = (folder.join(RECORD).is_file(), has_begun(folder));
        if complete {
            self.complete.push(folder.to_owned());
        } else if begun {
            self.incomplete.push(folder.to_owned());
        }
        let is_own = |name: &str| matches!(name, "parts" | "slurm") || name.starts_with("level");
        let is_left_out = |name: &str| name.starts_with('.') || ((complete || begun) && is_own(name));
        names.retain(|name| !is_left_out(&name.to_string_lossy()));
        pending.extend(names.iter().map(|name| folder.join(name)));
        Ok(())
    }
}

/// Whether it is a folder or a link to one; false for a dangling link.
fn is_folder(entry: &fs::DirEntry) -> std::io::Result<bool> {
    let kind = entry.file_type()?;
    Ok(kind.is_dir() || (kind.is_symlink() && fs::metadata(entry.path()).is_ok_and(|target| target.is_dir())))
}

/// Whether a run was submitted to the folder, or has written parts to it.
fn has_begun(folder: &Path) -> bool {
    let parts = || fs::read_dir(folder.join(PARTS)).into_iter().flatten().flatten();
    let job = |name: &str| folder.join("slurm").join(name).is_file();
    // a job with kmeans.sh makes a clustering
    (job("job.json") && !job("kmeans.sh"))
        || parts().any(|entry| entry.file_name().to_string_lossy().starts_with("rows-"))
}
