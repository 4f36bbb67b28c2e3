//! The state of a run, a shard or a job, with details.

use serde::Serialize;

use super::failure::Failure;

/// The state of a run, a shard or a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its result is there.
    Done,
    /// A job is working on it.
    Running,
    /// A job for it waits.
    Queued,
    /// A job for it ended, or was killed, without a result.
    Failed,
    /// No result, and no job queued or running.
    Missing,
    /// No job for it was ever submitted.
    NotSubmitted,
}

impl State {
    /// In one word.
    pub fn text(self) -> &'static str {
        match self {
            State::Done => "done",
            State::Running => "running",
            State::Queued => "queued",
            State::Failed => "failed",
            State::Missing => "missing",
            State::NotSubmitted => "not submitted",
        }
    }
}

/// The state of a shard, or of a job without shards.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Piece {
    /// Its state.
    pub state: State,
    /// Details for people; may be empty.
    pub detail: String,
    /// What to change before it is submitted again; `None` where it may succeed as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Piece {
    /// Puts what the files say first. If they are `damaged`, a missing result counts as failed, unless a job will compute it
    /// again.
    pub(super) fn with(self, files: String, damaged: bool) -> Piece {
        let said: Vec<String> = [files, self.detail].into_iter().filter(|text| !text.is_empty()).collect();
        let state = match self.state {
            State::Missing | State::NotSubmitted if damaged => State::Failed,
            state => state,
        };
        Piece { state, detail: said.join("; "), ..self }
    }

    /// A piece that needs no change before it is submitted again.
    pub(super) fn new(state: State, detail: String) -> Piece {
        Piece { state, detail, fix: None }
    }

    /// A job that failed, and where it ran.
    pub(super) fn failed(failure: Failure, place: &str) -> Piece {
        let Failure { why, more, fix } = failure;
        let why = if more.is_empty() { why } else { format!("{why} ({more})") };
        Piece { state: State::Failed, detail: format!("{why}: {place}"), fix }
    }
}
