//! `clustrata retry`: submits what is missing.

use crate::base::error::{Error, Finding, Result};
use crate::batch::slurm::{self, JobFolder, RunStatus, State};
use crate::cli::args::RetryArgs;
use crate::cli::commands::status;

pub(super) fn run(args: &RetryArgs) -> Result<String> {
    let out = std::path::absolute(&args.folder)
        .map_err(|e| Error::usage(Finding::io("the folder has no usable path", &args.folder, &e)))?;
    let folder = JobFolder::of(&out);
    refuse_grid(&folder)?;
    // before the lock, which is one on the folder of a run that was submitted
    folder.read()?;
    let _lock = if args.dry_run { None } else { Some(folder.lock()?) };
    let mut submission = folder.read()?;
    let status = RunStatus::of(&folder, &submission)?;
    if status.state == State::Done {
        return Ok(format!("{}: complete, nothing to submit", submission.name));
    }
    slurm::refuse_moved(&folder, &status).map_err(Error::usage)?;
    if !args.force && !args.dry_run {
        slurm::refuse_active(&folder, &status).map_err(|finding| match status.queue_unknown {
            Some(_) => Error::usage(finding.hint("retry where squeue works, or at your own risk with --force")),
            None => Error::usage(finding),
        })?;
    }
    let (first, second) = status.open_shards();
    let planned = slurm::remaining(&submission, &first, &second);
    if args.dry_run {
        return Ok(slurm::preview(&planned, &submission, &folder)?.join("\n"));
    }
    let jobs = slurm::submit(&planned, &mut submission, &folder)?;
    let told = planned.iter().zip(jobs).map(|(planned, job)| {
        let tasks = planned.tasks.as_ref().map(|tasks| format!(", {} tasks", tasks.len())).unwrap_or_default();
        format!("job {job}: {}{tasks}", planned.step.text())
    });
    Ok(told.collect::<Vec<_>>().join("\n"))
}

fn refuse_grid(folder: &JobFolder) -> Result<()> {
    if folder.is_there() || !folder.out().is_dir() {
        return Ok(());
    }
    match status::runs_below(folder.out())?.len() {
        0 => Ok(()),
        runs => Err(Error::usage(
            Finding::new("the folder is a grid's, not a run's")
                .file(folder.out())
                .found(format!("{runs} runs"))
                .hint("clustrata submit SPEC --retry submits what is missing of all of them"),
        )),
    }
}
