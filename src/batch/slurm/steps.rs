//! The jobs of a run in their order, each after the one before: shards, their second round, merge.

use std::path::Path;
use std::time::SystemTime;

use super::folder::{JobFolder, Step, Submission, Submitted};
use super::layout::array_of;
use super::queue;
use super::script::output_option;
use super::words;
use crate::base::error::Result;
use crate::plan::record::rfc3339;

/// A job that is to be submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// What it does.
    pub step: Step,
    /// The tasks, where it is not the whole array that its script names.
    pub tasks: Option<Vec<u64>>,
}

/// All jobs of a run.
pub fn all(submission: &Submission) -> Vec<Planned> {
    let whole = |step| Planned { step, tasks: None };
    if submission.layout.shards == 1 {
        return vec![whole(submission.only_step())];
    }
    let rounds = [Step::First, Step::Second].into_iter().take(usize::from(submission.rounds));
    rounds.chain([Step::Merge]).map(whole).collect()
}

/// The jobs that do what is missing: the shards of the first round, those of the second, and the merge.
pub fn remaining(submission: &Submission, first: &[u64], second: &[u64]) -> Vec<Planned> {
    if submission.layout.shards == 1 {
        return all(submission);
    }
    let tasks_of = |shards: &[u64]| {
        let mut tasks: Vec<u64> = shards.iter().map(|&shard| submission.layout.task_of(shard)).collect();
        tasks.sort_unstable();
        tasks.dedup();
        tasks
    };
    let mut planned = Vec::new();
    for (step, shards) in [(Step::First, first), (Step::Second, second)] {
        if !shards.is_empty() {
            planned.push(Planned { step, tasks: Some(tasks_of(shards)) });
        }
    }
    planned.push(Planned { step: Step::Merge, tasks: None });
    planned
}

/// The command line that submits a job, `after` another one has ended well.
pub(super) fn sbatch_line(
    planned: &Planned,
    submission: &Submission,
    folder: &JobFolder,
    after: Option<&str>,
) -> Vec<String> {
    let mut line = vec!["sbatch".to_owned(), "--parsable".to_owned()];
    if let Some(job) = after {
        // without the second, a job after one that failed would wait for ever
        line.extend([format!("--dependency=afterok:{job}"), "--kill-on-invalid-dep=yes".to_owned()]);
    }
    if let Some(tasks) = &planned.tasks {
        line.push(format!("--array={}", array_of(tasks, submission.max_running)));
    }
    line.extend(output_option(folder, planned.step));
    line.push(folder.file(planned.step.script()).to_string_lossy().into_owned());
    line
}

/// The command lines as a shell takes them, a name in place of each number that is not known yet.
///
/// # Errors
/// `Usage` for a text that no shell can be given.
pub fn preview(planned: &[Planned], submission: &Submission, folder: &JobFolder) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for (i, job) in planned.iter().enumerate() {
        let after = i.checked_sub(1).map(|before| format!("$JOB{}", before + 1));
        let line = sbatch_line(job, submission, folder, after.as_deref());
        let words = line.iter().map(|word| match after.as_deref() {
            // the one word with a variable is ours
            Some(after) if word.ends_with(after) => Ok(word.clone()),
            _ => words::shell(word),
        });
        let words = words.collect::<Result<Vec<_>>>()?.join(" ");
        lines.push(format!("JOB{}=$({words})    # {}", i + 1, job.step.text()));
    }
    Ok(lines)
}

/// Submits jobs, each after the one before, and writes each down at once. Where one is refused or can't
/// be written down, all of them are taken back: without what comes after them they would lead nowhere.
///
/// # Errors
/// `Failed` where sbatch can't be run, or refuses, or the folder can't be written.
pub fn submit(planned: &[Planned], submission: &mut Submission, folder: &JobFolder) -> Result<Vec<u64>> {
    let mut jobs: Vec<u64> = Vec::new();
    for next in planned {
        let after = jobs.last().map(u64::to_string);
        let line = sbatch_line(next, submission, folder, after.as_deref());
        let what = format!("{} ({})", submission.name, next.step.text());
        let job = queue::sbatch(&line, &what).inspect_err(|_| queue::cancel(&jobs))?;
        jobs.push(job);
        let array = match (&next.tasks, next.step) {
            (Some(tasks), _) => Some(array_of(tasks, submission.max_running)),
            (None, Step::First | Step::Second) => {
                let tasks: Vec<u64> = (1..=submission.layout.tasks).collect();
                Some(array_of(&tasks, submission.max_running))
            }
            (None, Step::Kmeans | Step::Whole | Step::Merge) => None,
        };
        submission.jobs.push(Submitted { step: next.step, job, array, at: rfc3339(SystemTime::now()), sbatch: line });
        // nobody would know of a job that is not written down
        folder.write(submission).inspect_err(|_| queue::cancel(&jobs))?;
    }
    Ok(jobs)
}

/// A path as a word of a shell, for messages.
pub(super) fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    words::shell(&text).unwrap_or_else(|_| text.into_owned())
}
