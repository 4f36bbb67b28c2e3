//! Decides for each run of a spec what to submit, and refuses what must not be submitted.

use std::path::Path;

use super::checked_run::CheckedRun;
use super::request::Request;
use serde_json::{Map, Value};

use crate::base::error::{Finding, Findings, Result};
use crate::batch::slurm::{self, JobRequest, Layout, NamedStatus, RunStatus, State, Submission, SubmittedRun};
use crate::batch::sweep::Member;
use crate::formats::folder::RECORD;
use crate::formats::yaml;
use crate::run::parts;

/// What to do with a run, and the submission that this was based on.
pub(super) struct Decision {
    pub(super) action: Action,
    pub(super) submitted: Option<Submission>,
}

/// What to do with a run.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Action {
    /// Submit it for the first time.
    Submit,
    /// Remove what an earlier submission left, then submit it.
    Overwrite,
    /// Submit some of its jobs again.
    Retry(Vec<JobRequest>),
    /// Nothing: it is complete or under way.
    Leave(State),
}

/// Decides for each run. Reports all refusals together.
pub(super) fn decide(runs: &[CheckedRun], request: &Request) -> Result<Vec<Decision>> {
    let mut findings = Findings::new();
    let mut all = Vec::new();
    // read before the statuses: a submission made in between then shows as a change under the lock
    let submitted: Vec<Option<Submission>> = runs.iter().map(|checked| checked.folder.read().ok()).collect();
    let members = runs.iter().map(|checked| Member {
        name: checked.run.name.clone(),
        folder: checked.folder.out().to_owned(),
        clustering: None,
    });
    let statuses = slurm::statuses_of(members);
    for ((checked, submitted), NamedStatus { status, .. }) in runs.iter().zip(submitted).zip(statuses) {
        let action = match status {
            Some(SubmittedRun::Known(status)) => for_submitted_run(checked, &status, request)?,
            Some(SubmittedRun::Unreadable { error }) if !request.overwrite => {
                error.findings().kept().iter().for_each(|finding| findings.push(finding.clone()));
                continue;
            }
            Some(SubmittedRun::Unreadable { .. } | SubmittedRun::Made { .. }) | None => {
                for_new_run(checked.folder.out(), request)?
            }
        };
        match action {
            Ok(action) => all.push(Decision { action, submitted }),
            Err(finding) => findings.push_usage(finding),
        }
    }
    findings.into_result()?;
    Ok(all)
}

/// For a run that was never submitted; its folder may hold the results of `metrics` or `merge`.
pub(super) fn for_new_run(out: &Path, request: &Request) -> Result<Result<Action, Finding>> {
    if request.overwrite {
        return Ok(Ok(Action::Overwrite));
    }
    if !out.join(RECORD).exists() && parts::survey(out)?.is_empty() {
        return Ok(Ok(Action::Submit));
    }
    let finding = Finding::new("the run's folder holds results already").file(out);
    Ok(Err(finding.hint("replace them with --overwrite")))
}

/// For a run that was submitted before.
fn for_submitted_run(checked: &CheckedRun, status: &RunStatus, request: &Request) -> Result<Result<Action, Finding>> {
    let folder = &checked.folder;
    if request.overwrite {
        return Ok(slurm::refuse_active(folder, status).map(|()| Action::Overwrite));
    }
    if !request.retry {
        return Ok(Err(submitted_already(folder.out()).found(status.state.text())));
    }
    if let Err(moved) = slurm::refuse_moved(folder, status) {
        return Ok(Err(moved));
    }
    let submission = folder.read()?;
    let changes = changes(folder.settings().as_deref(), checked, &submission);
    if !changes.is_empty() {
        let finding = Finding::new("the spec has changed since the run was submitted");
        let finding = finding.file(folder.file("metrics.yaml")).found(changes.join("; "));
        return Ok(Err(finding.hint("change it back, or start over with --overwrite")));
    }
    if matches!(status.state, State::Done | State::Running | State::Queued) {
        return Ok(Ok(Action::Leave(status.state)));
    }
    let (first, second) = status.open_shards();
    let retry = Action::Retry(slurm::remaining(&submission, &first, &second));
    Ok(slurm::refuse_active(folder, status).map(|()| retry))
}

/// The settings that differ from those that a run was submitted with: `seed: 2 instead of 1`.
fn changes(before: Option<&str>, checked: &CheckedRun, submission: &Submission) -> Vec<String> {
    let parsed = |text: &str| match yaml::parse(text).map(|document| document.value) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    };
    let (now, before) = (parsed(&checked.settings), before.map(parsed).unwrap_or_default());
    let shown = |map: &Map<String, Value>, key: &str| map.get(key).map_or("nothing".to_owned(), Value::to_string);
    let added = now.keys().chain(before.keys().filter(|key| !now.contains_key(*key)));
    let changed = added.filter(|key| now.get(*key) != before.get(*key));
    let mut changes: Vec<String> =
        changed.map(|key| format!("{key}: {} instead of {}", shown(&now, key), shown(&before, key))).collect();
    let (layout, then) = (checked.submission.layout, submission.layout);
    if layout != then {
        let words =
            |layout: Layout| format!("{} shards of {} rows in {} tasks", layout.shards, layout.rows, layout.tasks);
        changes.push(format!("{} instead of {}", words(layout), words(then)));
    }
    changes
}

/// The refusal of a run that was submitted before, where neither --retry nor --overwrite is given.
pub(super) fn submitted_already(out: &Path) -> Finding {
    let finding = Finding::new("the run was submitted already").file(out);
    finding.hint("--retry submits the missing jobs, --overwrite starts over, `clustrata status` shows its state")
}
