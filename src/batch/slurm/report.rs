//! The status as text.

use std::path::Path;

use super::members::{self, NamedStatus, SubmittedRun, SweepStatus, UNREADABLE};
use super::piece::State;
use super::standing::Standing;
use super::status::RunStatus;
use super::steps::shown;
use crate::base::error::Finding;
use crate::base::text::counted;
use crate::report::summary::table;

const STATES: [State; 6] =
    [State::Done, State::Running, State::Queued, State::Failed, State::Missing, State::NotSubmitted];

/// One run: its state, the number of shards in each state, and every shard that is not done.
pub(super) fn of_run(out: &Path, status: &RunStatus) -> String {
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
    if matches!(status.state, State::Failed | State::Missing | State::NotSubmitted) {
        lines.push(format!("\ntry     {}", next_command(out, status)));
    }
    lines.join("\n")
}

/// The command that completes a run without active jobs.
fn next_command(out: &Path, status: &RunStatus) -> String {
    match &status.moved_from {
        Some(there) if there.exists() => format!("clustrata status {}", shown(there)),
        Some(_) => "clustrata submit SPEC --overwrite, with this folder in the spec; or move the run back".to_owned(),
        None => match (status.fixes().next(), status.local) {
            (None, false) => format!("clustrata retry {}", shown(out)),
            (fix, local) => again(fix, members::spec_of(out).as_deref(), local),
        },
    }
}

/// What to change first, if there is something, and the command that submits what is missing.
fn again(fix: Option<&str>, spec: Option<&Path>, local: bool) -> String {
    let spec = spec.map_or("SPEC".to_owned(), shown);
    let local = if local { " --local" } else { "" };
    let first = fix.map_or(String::new(), |fix| format!("{fix}; then "));
    format!("{first}clustrata submit {spec}{local} --retry")
}

/// A sweep: a row for each clustering and each run, and their number in each state.
pub(super) fn of_sweep(sweep: &SweepStatus) -> String {
    let mut tables = Vec::new();
    if !sweep.clusterings.is_empty() {
        let rows = sweep.clusterings.iter().map(|made| vec![made.name.clone(), made.word().to_owned(), detail(made)]);
        let header = vec![["clustering", "state", ""].map(str::to_owned).to_vec()];
        tables.push(table(&header.into_iter().chain(rows).collect::<Vec<_>>()));
    }
    if !sweep.runs.is_empty() {
        let rows = sweep.runs.iter().map(|run| {
            let shards = match &run.status {
                Some(SubmittedRun::Known(status)) if !status.shards.is_empty() => {
                    format!("{}/{}", status.count(State::Done), status.shards.len())
                }
                _ => String::new(),
            };
            let detail = if sweep.waits(run) { "waits for its clustering".to_owned() } else { detail(run) };
            vec![run.name.clone(), run.word().to_owned(), shards, detail]
        });
        let header = vec![["run", "state", "shards", ""].map(str::to_owned).to_vec()];
        tables.push(table(&header.into_iter().chain(rows).collect::<Vec<_>>()));
    }
    tables.push(format!("{}: {}", sweep.folder.display(), totals_of(sweep)));
    if sweep.standing() == Standing::Failed {
        tables.push(next_commands(sweep));
    }
    tables.join("\n\n")
}

/// The command that completes a sweep without active jobs. What has to be changed first has a line each.
fn next_commands(sweep: &SweepStatus) -> String {
    let mut fixes: Vec<&str> = sweep.known().flat_map(RunStatus::fixes).collect();
    fixes.sort_unstable();
    fixes.dedup();
    let local = sweep.known().any(|status| status.local);
    let first = fixes.into_iter().map(|fix| format!("fix     {fix}"));
    first.chain([format!("try     {}", again(None, sweep.spec.as_deref(), local))]).collect::<Vec<_>>().join("\n")
}

/// Several sweeps: a row each.
pub(super) fn of_sweeps(root: &Path, sweeps: &[SweepStatus]) -> String {
    let name = |sweep: &SweepStatus| sweep.folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut rows = vec![["sweep", "state"].map(str::to_owned).to_vec()];
    rows.extend(sweeps.iter().map(|sweep| vec![name(sweep), totals_of(sweep)]));
    format!("{}\n\n{}: {}", table(&rows), root.display(), counted(sweeps.len(), "sweep"))
}

/// `2 done of 2 clusterings; 5 done, 1 failed of 6 runs`
pub(super) fn totals_of(sweep: &SweepStatus) -> String {
    let both = [(&sweep.clusterings, "clustering"), (&sweep.runs, "run")];
    let present = both.into_iter().filter(|(members, _)| !members.is_empty());
    present.map(|(members, what)| totals(members, what)).collect::<Vec<_>>().join("; ")
}

/// `5 done, 1 failed of 6 runs`
fn totals(members: &[NamedStatus], what: &str) -> String {
    let count = |word: &str| members.iter().filter(|member| member.word() == word).count();
    let never = State::NotSubmitted.text();
    if count(never) == members.len() {
        return format!("{}, 0 submitted", counted(members.len(), what));
    }
    let mut words: Vec<&str> = STATES.map(State::text).to_vec();
    words.insert(STATES.len() - 1, UNREADABLE);
    let counts: Vec<String> =
        words.into_iter().filter(|word| count(word) > 0).map(|word| format!("{} {word}", count(word))).collect();
    let gates = members.iter().filter(|member| member.gate_failed()).count();
    let gates = if gates > 0 { format!(" ({gates} failed a gate)") } else { String::new() };
    let counts = counts.join(", ").replacen("done", &format!("done{gates}"), 1);
    format!("{counts} of {}", counted(members.len(), what))
}

/// Why a run or a clustering has its state; empty if that needs no words.
pub(super) fn detail(member: &NamedStatus) -> String {
    match &member.status {
        None | Some(SubmittedRun::Made { .. }) => String::new(),
        Some(SubmittedRun::Unreadable { error }) => {
            let message = error.findings().kept().first().map(Finding::to_string).unwrap_or_default();
            message.lines().next().unwrap_or_default().to_owned()
        }
        Some(SubmittedRun::Known(status)) => why(status),
    }
}

/// `5 done, 1 failed`
fn counts(status: &RunStatus) -> String {
    let present = STATES.into_iter().filter(|&state| status.count(state) > 0);
    present.map(|state| format!("{} {}", status.count(state), state.text())).collect::<Vec<_>>().join(", ")
}

fn with_detail(state: &str, detail: &str) -> String {
    if detail.is_empty() { state.to_owned() } else { format!("{state} ({detail})") }
}

/// The first failure, or how far the only job is; empty if there is nothing to say.
pub(super) fn why(status: &RunStatus) -> String {
    if let Some(there) = &status.moved_from {
        return format!("moved or copied from {}", shown(there));
    }
    let is_alone = status.shards.is_empty() && matches!(status.state, State::Running | State::Queued);
    if status.last.state == State::Failed || is_alone || status.gate_failed {
        return status.last.detail.clone();
    }
    let failed = status.shards.iter().find(|shard| shard.piece.state == State::Failed);
    failed.map(|shard| format!("shard {}: {}", shard.shard, shard.piece.detail)).unwrap_or_default()
}
