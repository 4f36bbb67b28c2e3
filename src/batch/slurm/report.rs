//! The status as text.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::status::{RunStatus, State};
use super::steps::shown;
use crate::base::error::{Error, Finding};
use crate::base::text::counted;
use crate::report::summary::table;

const STATES: [State; 5] = [State::Done, State::Running, State::Queued, State::Failed, State::Missing];

/// Shown for a run of a sweep that has no state.
const NOT_SUBMITTED: &str = "not submitted";
const UNREADABLE: &str = "unreadable";

/// The state of a submitted run.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum SubmittedRun {
    /// Its status.
    Known(RunStatus),
    /// `job.json` is damaged, or a folder can't be listed.
    Unreadable {
        /// Why.
        #[serde(serialize_with = "as_text")]
        error: Error,
    },
}

/// A run's name, folder and state; `None` if it was not submitted.
pub type NamedStatus = (String, PathBuf, Option<SubmittedRun>);

fn as_text<S: serde::Serializer>(error: &Error, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(error)
}

/// One run: its state, the number of shards in each state, and every shard that is not done.
pub fn of_run(out: &Path, status: &RunStatus) -> String {
    let mut lines = vec![format!("run     {} ({})", status.name, status.state.text())];
    if !status.shards.is_empty() {
        lines.push(format!("shards  {} of {}", counts(status), status.shards.len()));
    }
    let last = if status.shards.is_empty() { "job  " } else { "merge" };
    lines.push(format!("{last}   {}", with_detail(status.last.state.text(), &status.last.detail)));
    lines.extend(status.moved_from.as_ref().map(|there| {
        format!(
            "note    moved or copied: its jobs and scripts use {}; this status is from its files only",
            shown(there)
        )
    }));
    lines.extend(status.queue_unknown.as_ref().map(|why| format!("note    this status is from the files only: {why}")));
    let open: Vec<_> = status.shards.iter().filter(|shard| shard.piece.state != State::Done).collect();
    if !open.is_empty() {
        let mut rows = vec![["shard", "rows", "state", ""].map(str::to_owned).to_vec()];
        rows.extend(open.iter().map(|shard| {
            let range = format!("{}..{}", shard.rows.start, shard.rows.end);
            vec![shard.shard.to_string(), range, shard.piece.state.text().to_owned(), shard.piece.detail.clone()]
        }));
        lines.push(format!("\n{}", table(&rows)));
    }
    if matches!(status.state, State::Failed | State::Missing) {
        lines.push(format!("\ntry     {}", next_command(out, status)));
    }
    lines.join("\n")
}

/// The command that completes a run without active jobs.
fn next_command(out: &Path, status: &RunStatus) -> String {
    match &status.moved_from {
        Some(there) if there.exists() => format!("clustrata status {}", shown(there)),
        Some(_) => "clustrata submit SPEC --overwrite, with this folder in the spec; or move the run back".to_owned(),
        None if status.local => "clustrata submit SPEC --local --retry".to_owned(),
        None => format!("clustrata retry {}", shown(out)),
    }
}

/// Many runs: a row each, and the number of runs in each state.
pub fn of_sweep(root: &Path, runs: &[NamedStatus]) -> String {
    let mut rows = vec![["run", "state", "shards", ""].map(str::to_owned).to_vec()];
    for (name, _, status) in runs {
        let cells = match status {
            None => [NOT_SUBMITTED.to_owned(), String::new(), String::new()],
            Some(SubmittedRun::Unreadable { error }) => {
                let message = error.findings().kept().first().map(Finding::to_string).unwrap_or_default();
                let message = message.lines().next().unwrap_or_default().to_owned();
                [UNREADABLE.to_owned(), String::new(), message]
            }
            Some(SubmittedRun::Known(status)) => {
                let shards = match status.shards.len() {
                    0 => String::new(),
                    all => format!("{}/{all}", status.count(State::Done)),
                };
                [status.state.text().to_owned(), shards, first_failure(status)]
            }
        };
        rows.push([vec![name.clone()], cells.to_vec()].concat());
    }
    let names = STATES.map(State::text).into_iter().chain([UNREADABLE, NOT_SUBMITTED]);
    let count = |name: &str| rows.iter().skip(1).filter(|row| row[1] == name).count();
    let totals: Vec<String> =
        names.map(|name| (count(name), name)).filter(|(n, _)| *n > 0).map(|(n, name)| format!("{n} {name}")).collect();
    let all = counted(runs.len(), "run");
    format!("{}\n\n{}: {} of {all}", table(&rows), root.display(), totals.join(", "))
}

/// `5 done, 1 failed`
fn counts(status: &RunStatus) -> String {
    let present = STATES.into_iter().filter(|&state| status.count(state) > 0);
    present.map(|state| format!("{} {}", status.count(state), state.text())).collect::<Vec<_>>().join(", ")
}

fn with_detail(state: &str, detail: &str) -> String {
    if detail.is_empty() { state.to_owned() } else { format!("{state} ({detail})") }
}

/// The first failure; empty if there is none.
fn first_failure(status: &RunStatus) -> String {
    if let Some(there) = &status.moved_from {
        return format!("moved or copied from {}", shown(there));
    }
    if status.last.state == State::Failed {
        return status.last.detail.clone();
    }
    let failed = status.shards.iter().find(|shard| shard.piece.state == State::Failed);
    failed.map(|shard| format!("shard {}: {}", shard.shard, shard.piece.detail)).unwrap_or_default()
}
