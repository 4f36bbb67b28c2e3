//! The account of a run or a sweep once it has ended: what became of each combination, the hours it took, and its memory.

use std::path::Path;

use serde::Deserialize;

use super::members::{NamedStatus, SubmittedRun, SweepStatus};
use super::report;
use super::status::RunStatus;
use crate::formats::folder::{RECORD, describe_bytes};
use crate::plan::record::{self, KmeansRecord, Provenance};
use crate::report::summary::table;

/// One run, in the folder `out`.
pub(super) fn of_run(status: &RunStatus, out: &Path) -> String {
    let (name, state) = (status.name.clone(), status.state.text().to_owned());
    let row = vec![name, state, hours(status.hours), memory(out), report::why(status)];
    format!("{}\n\n{}", table(&[header("run"), row]), total(status.hours))
}

/// A row for each clustering and each run of a sweep.
pub(super) fn of_sweep(sweep: &SweepStatus) -> String {
    let mut text = Vec::new();
    for (members, what) in [(&sweep.clusterings, "clustering"), (&sweep.runs, "run")] {
        if !members.is_empty() {
            let rows = members.iter().map(|member| {
                let (hours, why) = (hours(hours_of(member)), report::detail(member));
                vec![member.name.clone(), member.word().to_owned(), hours, memory(&member.folder), why]
            });
            text.push(table(&std::iter::once(header(what)).chain(rows).collect::<Vec<_>>()));
        }
    }
    let all = sweep.clusterings.iter().chain(&sweep.runs).map(hours_of).sum();
    text.push(format!("{}: {}; {}", sweep.folder.display(), report::totals_of(sweep), total(all)));
    text.join("\n\n")
}

fn header(what: &str) -> Vec<String> {
    [what, "state", "hours", "peak memory", ""].map(str::to_owned).to_vec()
}

/// The part of a record that says what it took.
#[derive(Deserialize)]
struct Took {
    provenance: Option<Provenance>,
}

/// Most memory that a process of the run or the clustering in a folder held, if its record says so.
fn memory(out: &Path) -> String {
    let took = |name: &str| record::read_keys::<Took>(&out.join(name))?.provenance?.peak_memory_bytes;
    let bytes = took(RECORD).or_else(|| took(KmeansRecord::NAME));
    let shown = bytes.map(describe_bytes).unwrap_or_default();
    // without the exact number
    shown.split(" (").next().filter(|text| !text.is_empty()).unwrap_or("-").to_owned()
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
