//! The state of a run, of every run of a sweep, or of several sweeps.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::account;
use super::folder::JobFolder;
use super::members::{NamedStatus, SubmittedRun, SweepStatus};
use super::piece::State;
use super::report;
use super::standing::Standing;
use super::status::RunStatus;
use super::submission::Submission;
use crate::base::error::{Error, Finding, Result};
use crate::batch::sweep::{Member, SweepFile};
use crate::plan::record::KmeansRecord;

/// What a folder holds.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Overview {
    /// A submitted run, or a clustering.
    Run(Box<RunStatus>),
    /// A sweep.
    Sweep(SweepStatus),
    /// A folder of sweeps.
    Sweeps(Vec<SweepStatus>),
}

impl Overview {
    /// The state of the run, of the sweep, or of the sweeps in `folder`.
    ///
    /// # Errors
    /// `Usage` if the folder holds no submitted run; `Failed` if it can't be listed; `Input` if the list of a sweep is damaged.
    pub fn of(folder: &Path) -> Result<Overview> {
        let root = absolute(folder)?;
        let folder = JobFolder::of(&root);
        if !folder.is_there() {
            if let Some(sweep) = sweep_in(&root)? {
                return Ok(Overview::Sweep(sweep));
            }
            let sweeps = sweeps_below(&root)?;
            if !sweeps.is_empty() {
                return Ok(Overview::Sweeps(sweeps));
            }
        }
        Ok(Overview::Run(Box::new(RunStatus::of(&folder, &folder.read()?)?)))
    }

    /// As text; `folder` as it was given.
    ///
    /// # Errors
    /// `Usage` if the folder's path is not usable.
    pub fn text(&self, folder: &Path) -> Result<String> {
        let root = absolute(folder)?;
        Ok(match self {
            Overview::Run(status) => report::of_run(&root, status),
            Overview::Sweep(sweep) => report::of_sweep(sweep),
            Overview::Sweeps(sweeps) => report::of_sweeps(&root, sweeps),
        })
    }

    /// What became of each combination in `folder`, the hours it took, and its memory.
    ///
    /// # Errors
    /// `Usage` if the folder's path is not usable.
    pub fn account(&self, folder: &Path) -> Result<String> {
        let root = absolute(folder)?;
        Ok(match self {
            Overview::Run(status) => account::of_run(status, &root),
            Overview::Sweep(sweep) => account::of_sweep(sweep),
            Overview::Sweeps(sweeps) => sweeps.iter().map(account::of_sweep).collect::<Vec<_>>().join("\n\n"),
        })
    }

    /// As JSON.
    ///
    /// # Errors
    /// `Failed` if a path is not Unicode.
    pub fn json(&self) -> Result<String> {
        serde_json::to_string_pretty(self)
            .map_err(|e| Error::failed(Finding::new("can't print the state as JSON").found(e.to_string())))
    }

    /// Where all of it stands.
    pub fn standing(&self) -> Standing {
        match self {
            Overview::Run(status) => Standing::of(&[Some(status.state)], status.gate_failed),
            Overview::Sweep(sweep) => sweep.standing(),
            Overview::Sweeps(sweeps) => {
                let all = sweeps.iter().map(SweepStatus::standing);
                let order = [Standing::Active, Standing::Failed, Standing::GateFailed];
                let all: Vec<Standing> = all.collect();
                order.into_iter().find(|standing| all.contains(standing)).unwrap_or(Standing::Done)
            }
        }
    }
}

fn absolute(folder: &Path) -> Result<PathBuf> {
    std::path::absolute(folder).map_err(|e| Error::usage(Finding::io("the folder has no usable path", folder, &e)))
}

/// The sweep in a folder, from its list and from the runs in it; `None` if there is neither.
fn sweep_in(root: &Path) -> Result<Option<SweepStatus>> {
    let list = SweepFile::read(root)?;
    let spec = list.as_ref().map(|list| list.spec.clone());
    let (clusterings, listed) = list.map_or_else(Default::default, |list| (list.clusterings, list.runs));
    // the sweep may have been moved
    let here = |run: Member| Member { folder: root.join(&run.name), ..run };
    let mut runs: Vec<Member> = listed.into_iter().map(here).collect();
    // runs of an earlier form of the spec, and of sweeps that were submitted by earlier versions
    let others = runs_below(root)?.into_iter().filter(|run| runs.iter().all(|known| known.name != run.name));
    runs.extend(others.collect::<Vec<_>>());
    if runs.is_empty() && clusterings.is_empty() {
        return Ok(None);
    }
    let count = clusterings.len();
    let mut clusterings = statuses_of(clusterings.into_iter().chain(runs));
    let runs = clusterings.split_off(count);
    let sweep = SweepStatus { folder: root.to_owned(), clusterings, runs, spec };
    Ok(Some(sweep))
}

/// The state of each run or clustering. An unreadable one does not hide the others.
pub fn statuses_of(members: impl Iterator<Item = Member>) -> Vec<NamedStatus> {
    let read = |member: Member| {
        let folder = JobFolder::of(&member.folder);
        let submission = folder.is_there().then(|| folder.read());
        (member, folder, submission)
    };
    let members: Vec<(Member, JobFolder, Option<Result<Submission>>)> = members.map(read).collect();
    let readable =
        members.iter().filter_map(|(_, folder, submission)| Some((folder, submission.as_ref()?.as_ref().ok()?)));
    let mut statuses = RunStatus::of_all(&readable.collect::<Vec<_>>()).into_iter();
    let mut status = |submission: Result<Submission>| match submission.map(|_| statuses.next()) {
        Ok(Some(Ok(status))) => Some(SubmittedRun::Known(status)),
        Ok(Some(Err(error))) | Err(error) => Some(SubmittedRun::Unreadable { error }),
        Ok(None) => None,
    };
    let named = members.into_iter().map(|(Member { name, folder, clustering }, _, submission)| {
        let made = || is_clustering(&folder).then_some(SubmittedRun::Made { state: State::Done });
        let status = submission.map_or_else(made, &mut status);
        NamedStatus { name, folder, clustering, status }
    });
    named.collect()
}

/// Whether the folder holds a complete clustering.
fn is_clustering(folder: &Path) -> bool {
    KmeansRecord::of(folder).is_ok_and(|record| record.is_some_and(|record| record.complete))
}

/// The submitted runs in a sweep's folder, in the natural order of their names.
pub(super) fn runs_below(root: &Path) -> Result<Vec<Member>> {
    let runs = folders_in(root)?.into_iter().filter(|(_, path)| JobFolder::of(path).is_there());
    Ok(runs.map(|(name, folder)| Member { name, folder, clustering: None }).collect())
}

/// The sweeps in a folder.
fn sweeps_below(root: &Path) -> Result<Vec<SweepStatus>> {
    let sweeps = folders_in(root)?.into_iter().map(|(_, path)| sweep_in(&path));
    sweeps.filter_map(Result::transpose).collect()
}

/// Names and paths of the folders in a folder, in natural order.
fn folders_in(root: &Path) -> Result<Vec<(String, PathBuf)>> {
    let entries = fs::read_dir(root).map_err(|e| Error::usage(Finding::io("can't list the folder", root, &e)))?;
    let mut folders: Vec<(String, PathBuf)> = entries
        .flatten()
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .filter(|(_, path)| path.is_dir())
        .collect();
    folders.sort_by(|(a, _), (b, _)| natord::compare(a, b));
    Ok(folders)
}
