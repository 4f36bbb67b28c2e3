//! What belongs to a sweep, and its state.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::folder::JobFolder;
use super::piece::State;
use super::standing::Standing;
use super::status::RunStatus;
use crate::base::error::Error;
use crate::batch::sweep::SweepFile;

/// Shown for a run or a clustering whose state can't be read.
pub(super) const UNREADABLE: &str = "unreadable";

/// The state of a submitted run.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum SubmittedRun {
    /// Its status.
    Known(RunStatus),
    /// A clustering that was made without a job.
    Made {
        /// Done.
        state: State,
    },
    /// `job.json` is damaged, or a folder can't be listed.
    Unreadable {
        /// Why.
        #[serde(serialize_with = "as_text")]
        error: Error,
    },
}

/// A run or a clustering of a sweep.
#[derive(Debug, Serialize)]
pub struct NamedStatus {
    /// Name in the sweep.
    pub name: String,
    /// Output folder.
    pub folder: PathBuf,
    /// Name of the clustering that a run evaluates, if the sweep makes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clustering: Option<String>,
    /// Its state; `None` if it was not submitted.
    pub status: Option<SubmittedRun>,
}

impl NamedStatus {
    /// Its state; `None` if it was not submitted, or can't be read.
    pub fn state(&self) -> Option<State> {
        match &self.status {
            Some(SubmittedRun::Known(status)) => Some(status.state),
            Some(SubmittedRun::Made { state }) => Some(*state),
            _ => None,
        }
    }

    /// Its state; `None` only if it can't be read.
    pub(super) fn state_or_never(&self) -> Option<State> {
        if self.status.is_none() { Some(State::NotSubmitted) } else { self.state() }
    }

    /// Whether it is done, but failed a gate.
    pub(super) fn gate_failed(&self) -> bool {
        matches!(&self.status, Some(SubmittedRun::Known(status)) if status.gate_failed)
    }

    /// Its state in a word or two.
    pub(super) fn word(&self) -> &'static str {
        match &self.status {
            None => State::NotSubmitted.text(),
            Some(SubmittedRun::Unreadable { .. }) => UNREADABLE,
            Some(SubmittedRun::Known(status)) => status.state.text(),
            Some(SubmittedRun::Made { state }) => state.text(),
        }
    }
}

fn as_text<S: serde::Serializer>(error: &Error, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(error)
}

/// The state of a sweep.
#[derive(Debug, Serialize)]
pub struct SweepStatus {
    /// Its folder.
    pub folder: PathBuf,
    /// The clusterings that it makes.
    pub clusterings: Vec<NamedStatus>,
    /// Its runs, in the order of its combinations.
    pub runs: Vec<NamedStatus>,
    /// The job spec, if the sweep's list names it.
    pub spec: Option<PathBuf>,
}

impl SweepStatus {
    /// All clusterings and runs.
    pub(super) fn members(&self) -> impl Iterator<Item = &NamedStatus> {
        self.clusterings.iter().chain(&self.runs)
    }

    /// Where the sweep stands.
    pub fn standing(&self) -> Standing {
        let states: Vec<Option<State>> = self.members().map(|member| member.state_or_never()).collect();
        Standing::of(&states, self.members().any(NamedStatus::gate_failed))
    }

    /// The queued and running jobs of all members.
    pub fn active_jobs(&self) -> Vec<u64> {
        let mut jobs: Vec<u64> = self.known().flat_map(|status| status.active_jobs.clone()).collect();
        jobs.sort_unstable();
        jobs.dedup();
        jobs
    }

    /// Why squeue gave no answer.
    pub fn queue_unknown(&self) -> Option<String> {
        self.known().find_map(|status| status.queue_unknown.clone())
    }

    /// The members that were submitted and can be read.
    pub(super) fn known(&self) -> impl Iterator<Item = &RunStatus> {
        self.members().filter_map(|member| match &member.status {
            Some(SubmittedRun::Known(status)) => Some(status),
            _ => None,
        })
    }

    /// Whether the clustering of a run that was not submitted is still to be made.
    pub(super) fn waits(&self, run: &NamedStatus) -> bool {
        let made_by = self.clusterings.iter().find(|clustering| Some(&clustering.name) == run.clustering.as_ref());
        run.status.is_none() && made_by.is_some_and(|clustering| clustering.state() != Some(State::Done))
    }
}

/// The job spec of the run or the clustering in a folder, if it is known.
pub(super) fn spec_of(out: &Path) -> Option<PathBuf> {
    let by_its_sweep = || SweepFile::read(out.parent()?).ok().flatten().map(|list| list.spec);
    let submission = JobFolder::of(out).read().ok()?;
    // of a clustering, the job submits the spec afterwards
    submission.kmeans.and_then(|kmeans| kmeans.then.get(1).map(PathBuf::from)).or_else(by_its_sweep)
}
