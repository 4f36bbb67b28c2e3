//! The account of a run or a sweep once it has ended: what became of each combination, and the hours it took.

use super::members::{NamedStatus, SubmittedRun, SweepStatus};
use super::report;
use super::status::RunStatus;
use crate::report::summary::table;

/// One run.
pub(super) fn of_run(status: &RunStatus) -> String {
    let row = vec![status.name.clone(), status.state.text().to_owned(), hours(status.hours), report::why(status)];
    format!("{}\n\n{}", table(&[header("run"), row]), total(status.hours))
}

/// A row for each clustering and each run of a sweep.
pub(super) fn of_sweep(sweep: &SweepStatus) -> String {
    let mut text = Vec::new();
    for (members, what) in [(&sweep.clusterings, "clustering"), (&sweep.runs, "run")] {
        if !members.is_empty() {
            let rows = members.iter().map(|member| {
                let (hours, why) = (hours(hours_of(member)), report::detail(member));
                vec![member.name.clone(), member.word().to_owned(), hours, why]
            });
            text.push(table(&std::iter::once(header(what)).chain(rows).collect::<Vec<_>>()));
        }
    }
    let all = sweep.clusterings.iter().chain(&sweep.runs).map(hours_of).sum();
    text.push(format!("{}: {}; {}", sweep.folder.display(), report::totals_of(sweep), total(all)));
    text.join("\n\n")
}

fn header(what: &str) -> Vec<String> {
    [what, "state", "hours", ""].map(str::to_owned).to_vec()
}

fn hours_of(member: &NamedStatus) -> f64 {
    match &member.status {
        Some(SubmittedRun::Known(status)) => status.hours,
        _ => 0.0,
    }
}

fn hours(hours: f64) -> String {
    if hours > 0.0 { format!("{hours:.3}") } else { "-".to_owned() }
}

fn total(hours: f64) -> String {
    format!("{hours:.3} hours of jobs")
}
