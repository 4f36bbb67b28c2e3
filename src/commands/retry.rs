//! `clustrata retry`: submits what is missing.

use crate::cli::RetryArgs;
use crate::error::{Error, Finding, Result};
use crate::slurm::{self, JobFolder, RunStatus, State};

pub(super) fn run(args: &RetryArgs) -> Result<String> {
    let out = std::path::absolute(&args.folder)
        .map_err(|e| Error::usage(Finding::io("the folder has no usable path", &args.folder, &e)))?;
    let folder = JobFolder::of(&out);
    let mut submission = folder.read()?;
    let status = RunStatus::of(&folder, &submission)?;
    if status.state == State::Done {
        return Ok(format!("{}: complete, nothing to submit", submission.name));
    }
    if !args.force && !args.dry_run {
        slurm::refuse_active(&folder, &status).map_err(Error::usage)?;
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
