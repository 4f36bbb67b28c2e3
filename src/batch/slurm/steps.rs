//! The jobs of a run in order: shards, their second round, merge. Each waits for the one before.

use std::path::Path;

use super::folder::JobFolder;
use super::layout::array_of;
use super::queue;
use super::script::output_option;
use super::submission::{Step, Submission, Submitted};
use super::words;
use crate::base::error::Result;
use crate::base::time::now;

/// A job to submit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRequest {
    /// What it does.
    pub step: Step,
    /// The array tasks to run; `None` for the whole array that the script names.
    pub tasks: Option<Vec<u64>>,
}

/// All jobs of a run.
pub fn all(submission: &Submission) -> Vec<JobRequest> {
    let whole = |step| JobRequest { step, tasks: None };
    if submission.layout.shards == 1 {
        return vec![whole(submission.only_step())];
    }
    let rounds = [Step::First, Step::Second].into_iter().take(usize::from(submission.rounds));
    rounds.chain([Step::Merge]).map(whole).collect()
}

/// The jobs for the missing results: shards of the first round, shards of the second, and the merge.
pub fn remaining(submission: &Submission, first: &[u64], second: &[u64]) -> Vec<JobRequest> {
    if submission.layout.shards == 1 {
        return all(submission);
    }
    let tasks_of = |shards: &[u64]| {
        let mut tasks: Vec<u64> = shards.iter().map(|&shard| submission.layout.task_of(shard)).collect();
        tasks.sort_unstable();
        tasks.dedup();
        tasks
    };
    let mut requests = Vec::new();
    for (step, shards) in [(Step::First, first), (Step::Second, second)] {
        if !shards.is_empty() {
            requests.push(JobRequest { step, tasks: Some(tasks_of(shards)) });
        }
    }
    requests.push(JobRequest { step: Step::Merge, tasks: None });
    requests
}

/// The command line that submits a job. The job starts once job `after` has succeeded.
pub(super) fn sbatch_line(
    request: &JobRequest,
    submission: &Submission,
    folder: &JobFolder,
    after: Option<&str>,
) -> Vec<String> {
    let mut line = vec!["sbatch".to_owned(), "--parsable".to_owned()];
    if let Some(job) = after {
        // without the second option, a job would wait forever for one that failed
        line.extend([format!("--dependency=afterok:{job}"), "--kill-on-invalid-dep=yes".to_owned()]);
    }
    if let Some(tasks) = &request.tasks {
        line.push(format!("--array={}", array_of(tasks, submission.max_running)));
    }
    line.extend(output_option(folder, request.step));
    line.push(folder.file(request.step.script()).to_string_lossy().into_owned());
    line
}

/// The command lines in shell syntax, with a variable for each job number that is not known yet.
///
/// # Errors
/// `Usage` if a word contains a NUL byte.
pub fn preview(requests: &[JobRequest], submission: &Submission, folder: &JobFolder) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for (i, job) in requests.iter().enumerate() {
        let after = i.checked_sub(1).map(|before| format!("$JOB{}", before + 1));
        let line = sbatch_line(job, submission, folder, after.as_deref());
        let words = line.iter().map(|word| match after.as_deref() {
            // this word is ours, and its variable must be expanded
            Some(after) if word.ends_with(after) => Ok(word.clone()),
            _ => words::shell(word),
        });
        let words = words.collect::<Result<Vec<_>>>()?.join(" ");
        lines.push(format!("JOB{}=$({words})    # {}", i + 1, job.step.text()));
    }
    Ok(lines)
}

/// Submits jobs, each dependent on the one before, and records each at once in `job.json`. If one is refused or can't be
/// recorded, all are cancelled: an incomplete chain leads to no result.
///
/// # Errors
/// `Failed` if sbatch can't be run or refuses a job, or the folder can't be written.
pub fn submit(requests: &[JobRequest], submission: &mut Submission, folder: &JobFolder) -> Result<Vec<u64>> {
    let mut jobs: Vec<u64> = Vec::new();
    for next in requests {
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
        submission.jobs.push(Submitted { step: next.step, job, array, at: now(), sbatch: line });
        // nobody could find a job that is not recorded
        folder.write(submission).inspect_err(|_| queue::cancel(&jobs))?;
    }
    Ok(jobs)
}

/// A path as a shell word, for messages.
pub fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    words::shell(&text).unwrap_or_else(|_| text.into_owned())
}
