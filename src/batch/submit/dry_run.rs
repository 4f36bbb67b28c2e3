//! What would be submitted: the scripts and the sbatch lines of every run, and a summary.

use std::path::Path;

use super::checked_run::CheckedRun;
use super::decision::{Action, Decision};
use super::request::Request;
use crate::base::error::Result;
use crate::base::text::counted;
use crate::batch::slurm::{self, JobRequest, Site, Step};
use crate::batch::sweep::Sweep;

/// Names that the summary shows.
const SHOWN: usize = 4;

/// The jobs that a decision submits, if any.
fn jobs(checked: &CheckedRun, decision: &Decision) -> Vec<JobRequest> {
    match &decision.action {
        Action::Submit | Action::Overwrite => slurm::all(&checked.submission),
        Action::Retry(jobs) => jobs.clone(),
        Action::Leave(_) => Vec::new(),
    }
}

/// The scripts and the sbatch lines of every run.
pub(super) fn scripts(runs: &[CheckedRun], decisions: &[Decision], local: bool) -> Result<Vec<String>> {
    let mut text = Vec::new();
    for (checked, decision) in runs.iter().zip(decisions) {
        if let Action::Leave(state) = &decision.action {
            text.push(format!("### {}: {}, left unchanged", checked.run.name, state.text()));
            continue;
        }
        text.push(format!("### {}: {}", checked.run.name, checked.folder.out().display()));
        if local {
            text.push(format!("# metrics.yaml\n{}", checked.settings));
            continue;
        }
        text.extend(checked.files.iter().map(|(name, file)| format!("# {name}\n{file}")));
        text.push(slurm::preview(&jobs(checked, decision), &checked.submission, &checked.folder)?.join("\n"));
    }
    Ok(text)
}

/// At most ten lines that say what all the scripts add up to.
pub(super) fn summary(
    sweep: &Sweep,
    (clusterings, waiting): (usize, usize),
    (runs, decisions): (&[CheckedRun], &[Decision]),
    site: &Site,
    request: &Request,
) -> String {
    let mut lines = vec!["### summary: nothing was written or submitted".to_owned()];
    let mut line = |what: &str, text: String| lines.push(format!("{what:<13}{text}"));
    line("sweep", format!("{} in {}", sweep.name, sweep.folder().display()));
    let left = decisions.iter().filter(|decision| matches!(decision.action, Action::Leave(_))).count();
    let notes = [
        (runs.len() - left, "to submit now"),
        (waiting, "once their clustering is complete"),
        (left, "left unchanged"),
    ];
    line("runs", format!("{}: {}", sweep.runs.len(), listed(&notes)));
    let names: Vec<&str> = sweep.runs.iter().take(SHOWN).map(|run| run.name.as_str()).collect();
    line("names", names.join(", ") + if sweep.runs.len() > SHOWN { ", ..." } else { "" });
    if !sweep.kmeans.is_empty() {
        line("clusterings", format!("{} in the spec", sweep.kmeans.len()));
    }
    if request.local {
        line("jobs", "none: one after another on this machine".to_owned());
    } else {
        let planned: Vec<(&CheckedRun, JobRequest)> = runs
            .iter()
            .zip(decisions)
            .flat_map(|(checked, decision)| jobs(checked, decision).into_iter().map(move |job| (checked, job)))
            .collect();
        line("jobs", of_jobs(clusterings, &planned));
        line("each job", options(&site.shard_options()));
        line("merge", options(&site.merge_options()));
    }
    line("next", next(request));
    lines.join("\n")
}

/// `3 to submit now, 1 left unchanged`
fn listed(notes: &[(usize, &str)]) -> String {
    let present = notes.iter().filter(|(count, _)| *count > 0);
    present.map(|(count, what)| format!("{count} {what}")).collect::<Vec<_>>().join(", ")
}

/// `36 with 204 tasks: 12 shards, 12 shards, second round, 12 merge`; each of the clusterings is a job of its own.
fn of_jobs(clusterings: usize, planned: &[(&CheckedRun, JobRequest)]) -> String {
    let tasks = |(checked, job): &(&CheckedRun, JobRequest)| match (&job.tasks, job.step) {
        (Some(tasks), _) => tasks.len() as u64,
        (None, Step::First | Step::Second) => checked.submission.layout.tasks,
        (None, Step::Kmeans | Step::Whole | Step::Merge) => 1,
    };
    let all = planned.iter().map(tasks).sum::<u64>() + clusterings as u64;
    let steps = [Step::Whole, Step::First, Step::Second, Step::Merge];
    let of_step = steps.map(|step| (planned.iter().filter(|(_, job)| job.step == step).count(), step.text()));
    let of_step = listed(&[&[(clusterings, Step::Kmeans.text())], &of_step[..]].concat());
    let kinds = if of_step.is_empty() { of_step } else { format!(" ({of_step})") };
    let then = if clusterings > 0 { "; the job of a clustering submits the runs on it" } else { "" };
    format!("{} of {}{kinds}{then}", counted(planned.len() + clusterings, "job"), counted(all, "task"))
}

fn options(options: &[String]) -> String {
    if options.is_empty() { "Slurm's defaults".to_owned() } else { options.join(" ") }
}

/// This command without `--dry-run`.
fn next(request: &Request) -> String {
    let flags: String = request.flags().map(|flag| format!(" {flag}")).collect();
    let clustering = request.clustering.as_deref().map_or(String::new(), |at| format!(" --clustering {}", word(at)));
    format!("clustrata submit {}{flags}{clustering}", word(&request.spec))
}

fn word(path: &Path) -> String {
    slurm::shown(path)
}
