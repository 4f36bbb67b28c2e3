//! Status as text.

use std::path::{Path, PathBuf};

use super::status::{RunStatus, State};
use super::steps::shown;
use crate::summary::table;

const STATES: [State; 5] = [State::Done, State::Running, State::Queued, State::Failed, State::Missing];

/// One run: how many shards are how far, and each that is not done.
pub fn of_run(out: &Path, status: &RunStatus) -> String {
    let mut lines = vec![format!("run     {} ({})", status.name, status.state.text())];
    if !status.shards.is_empty() {
        lines.push(format!("shards  {} of {}", counts(status), status.shards.len()));
    }
    let last = if status.shards.is_empty() { "job  " } else { "merge" };
    lines.push(format!("{last}   {}", with_detail(status.last.state.text(), &status.last.detail)));
    lines.extend(status.queue_unknown.as_ref().map(|why| format!("note    the files alone tell this: {why}")));
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
        lines.push(format!("\ntry     clustrata retry {}", shown(out)));
    }
    lines.join("\n")
}

/// Many runs: a row each, and how many are how far. A run without a status was not begun.
pub fn of_grid(root: &Path, runs: &[(String, PathBuf, Option<RunStatus>)]) -> String {
    let mut rows = vec![["run", "state", "shards", ""].map(str::to_owned).to_vec()];
    for (name, _, status) in runs {
        let cells = match status {
            None => ["not begun".to_owned(), String::new(), String::new()],
            Some(status) => {
                let shards = match status.shards.len() {
                    0 => String::new(),
                    all => format!("{}/{all}", status.count(State::Done)),
                };
                [status.state.text().to_owned(), shards, first_trouble(status)]
            }
        };
        rows.push([vec![name.clone()], cells.to_vec()].concat());
    }
    let states = runs.iter().map(|(_, _, status)| status.as_ref().map(|status| status.state));
    let states: Vec<Option<State>> = states.collect();
    let count = |state: Option<State>| states.iter().filter(|&&other| other == state).count();
    let mut totals: Vec<String> = Vec::new();
    for (state, name) in STATES.map(|state| (Some(state), state.text())).into_iter().chain([(None, "not begun")]) {
        if count(state) > 0 {
            totals.push(format!("{} {name}", count(state)));
        }
    }
    format!("{}\n\n{}: {} of {} runs", table(&rows), root.display(), totals.join(", "), runs.len())
}

/// `5 done, 1 failed`
fn counts(status: &RunStatus) -> String {
    let told = STATES.into_iter().filter(|&state| status.count(state) > 0);
    told.map(|state| format!("{} {}", status.count(state), state.text())).collect::<Vec<_>>().join(", ")
}

fn with_detail(state: &str, detail: &str) -> String {
    if detail.is_empty() { state.to_owned() } else { format!("{state} ({detail})") }
}

/// What a person has to look at first.
fn first_trouble(status: &RunStatus) -> String {
    if status.last.state == State::Failed {
        return status.last.detail.clone();
    }
    let failed = status.shards.iter().find(|shard| shard.piece.state == State::Failed);
    failed.map(|shard| format!("shard {}: {}", shard.shard, shard.piece.detail)).unwrap_or_default()
}
