//! Submits the missing jobs of a run.

use std::path::Path;

use super::folder::JobFolder;
use super::overview::runs_below;
use super::piece::State;
use super::status::{RunStatus, refuse_active, refuse_moved};
use super::steps;
use crate::base::error::{Error, Finding, Result};
use crate::base::text::counted;

/// Submits jobs for the missing results of the run in `out`. Returns the text to print: the submitted jobs, or with `dry_run`
/// the sbatch lines. `force` submits even if jobs of the run may still be queued or running.
///
/// # Errors
/// `Usage` if `out` holds no submitted run, or if its jobs are still queued or running; `Failed` if Slurm refuses a job.
pub fn retry(out: &Path, dry_run: bool, force: bool) -> Result<String> {
    let out =
        std::path::absolute(out).map_err(|e| Error::usage(Finding::io("the folder has no usable path", out, &e)))?;
    let folder = JobFolder::of(&out);
    refuse_sweep(&folder)?;
    // check before locking: the lock would create the folder of a run that was never submitted
    folder.read()?;
    let _lock = if dry_run { None } else { Some(folder.lock()?) };
    let mut submission = folder.read()?;
    let status = RunStatus::of(&folder, &submission)?;
    if status.state == State::Done {
        return Ok(format!("{}: complete, nothing to submit", submission.name));
    }
    refuse_moved(&folder, &status).map_err(Error::usage)?;
    if !force && !dry_run {
        refuse_active(&folder, &status).map_err(|finding| match status.queue_unknown {
            Some(_) => Error::usage(finding.hint("retry where squeue works, or at your own risk with --force")),
            None => Error::usage(finding),
        })?;
    }
    let (first, second) = status.open_shards();
    let requests = steps::remaining(&submission, &first, &second);
    if dry_run {
        return Ok(steps::preview(&requests, &submission, &folder)?.join("\n"));
    }
    let jobs = steps::submit(&requests, &mut submission, &folder)?;
    let lines = requests.iter().zip(jobs).map(|(request, job)| {
        let tasks = request.tasks.as_ref().map(|tasks| format!(", {}", counted(tasks.len(), "task")));
        format!("job {job}: {}{}", request.step.text(), tasks.unwrap_or_default())
    });
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

fn refuse_sweep(folder: &JobFolder) -> Result<()> {
    if folder.is_there() || !folder.out().is_dir() {
        return Ok(());
    }
    match runs_below(folder.out())?.len() {
        0 => Ok(()),
        runs => Err(Error::usage(
            Finding::new("the folder belongs to a sweep, not to a run")
                .file(folder.out())
                .found(counted(runs, "run"))
                .hint("to retry all its runs: clustrata submit SPEC --retry"),
        )),
    }
}
