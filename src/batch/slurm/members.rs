//! What belongs to a sweep, and its state.

use std::path::PathBuf;

use serde::Serialize;

use super::status::{RunStatus, State};
use crate::base::error::Error;

/// Shown for a run or a clustering that has no state.
pub(super) const NOT_SUBMITTED: &str = "not submitted";
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

    /// Its state in a word or two.
    pub(super) fn word(&self) -> &'static str {
        match &self.status {
            None => NOT_SUBMITTED,
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
}

impl SweepStatus {
    /// Whether the clustering of a run that was not submitted is still to be made.
    pub(super) fn waits(&self, run: &NamedStatus) -> bool {
        let made_by = self.clusterings.iter().find(|clustering| Some(&clustering.name) == run.clustering.as_ref());
        run.status.is_none() && made_by.is_some_and(|clustering| clustering.state() != Some(State::Done))
    }
}
