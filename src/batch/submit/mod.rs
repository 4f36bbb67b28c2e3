//! Submits the runs of a job spec to Slurm, or runs them one after another on this machine.

mod checked_run;
mod clustering;
mod decision;
mod dry_run;
mod local;
mod request;
mod saved_spec;

use crate::base::error::{Error, Finding, Kind, Result};
use crate::base::signals;
use crate::batch::slurm::{self, JobRequest, Overview, Site};
use crate::batch::sweep::{self, Sweep, SweepFile};
use crate::formats::folder::OutputFolder;
use checked_run::CheckedRun;
use clustering::Job;
use decision::{Action, Decision};
pub use request::Request;

/// Slurm's default `MaxArraySize`.
const DEFAULT_MAX_ARRAY_SIZE: u64 = 1001;

/// Spec -> clusterings -> checked inputs -> scripts -> jobs. Writes nothing before all runs have passed their checks.
/// Returns the text to print: the state of all runs, or with `dry_run` what would be submitted.
///
/// # Errors
/// `Usage` or `Input` for a wrong spec or input and for runs that must not be submitted; `Failed` where Slurm refuses or
/// a local run failed; `Interrupted` or `Paused` after a signal.
pub fn submit(request: &Request) -> Result<String> {
    refuse_windows(cfg!(windows), request.local)?;
    let whole = sweep::read(&request.spec)?;
    let mut site = Site::read(&whole.slurm)?;
    if request.local {
        // one machine is fastest with one process
        site.shards = 1;
    }
    let sweep = match &request.clustering {
        Some(folder) => whole.on_clustering(folder).map_err(Error::usage)?,
        None => whole.clone(),
    };
    let mut pending = clustering::pending(&sweep, request)?;
    if request.local && !request.dry_run && !pending.is_empty() {
        save(&whole, request)?;
        pending = clustering::make_here(pending)?;
    }
    let (waiting, ready) = clustering::waiting(&sweep, &pending);
    let array_size = if ready.is_empty() { DEFAULT_MAX_ARRAY_SIZE } else { max_array_size(request)? };
    let runs = checked_run::check(&sweep, &ready, &site, array_size)?;
    let decisions = decision::decide(&runs, request)?;
    let jobs = pending.iter().map(|pending| Job::new(&sweep, pending, &site, request)).collect::<Result<Vec<Job>>>()?;
    let follows = (!pending.is_empty()).then(|| clustering::what_follows(&sweep, &pending, request));
    if request.dry_run {
        let mut text = jobs.iter().map(|job| job.preview(request.local)).collect::<Result<Vec<_>>>()?;
        text.extend(dry_run::scripts(&runs, &decisions, request.local)?.into_iter().chain(follows));
        text.push(dry_run::summary(&sweep, (jobs.len(), waiting.len()), (&runs, &decisions), &site, request));
        return Ok(text.join("\n\n"));
    }
    save(&whole, request)?;
    if request.local {
        let failed = pending.iter().map(|pending| pending.kmeans.name.as_str()).collect();
        return carry_out_all(&sweep, &runs, decisions, request, failed);
    }
    let mut text = jobs.into_iter().map(|job| job.submit(request)).collect::<Result<Vec<_>>>()?;
    text.extend(follows);
    if !runs.is_empty() {
        text.push(carry_out_all(&sweep, &runs, decisions, request, Vec::new())?);
    }
    text.extend(announce(&whole, &site));
    Ok(text.join("\n\n"))
}

/// Keeps the spec and the list of what belongs to it in the sweep's folder.
fn save(sweep: &Sweep, request: &Request) -> Result<()> {
    saved_spec::save(sweep, &request.spec)?;
    SweepFile::of(sweep, &request.spec)?.write(&sweep.folder())
}

/// Has one mail sent when all jobs of the sweep have ended, if the site names an address. Returns the text to print. Without
/// the mail, the runs are submitted all the same.
fn announce(sweep: &Sweep, site: &Site) -> Option<String> {
    let address = site.mail.as_ref()?;
    match slurm::mail_at_the_end(&sweep.folder(), &sweep.name, site) {
        Ok(job) => job.map(|job| format!("job {job} sends a mail to {address} when everything has ended")),
        Err(error) => {
            tracing::warn!("no mail will be sent: {error}");
            None
        }
    }
}

/// Carries out all decisions. Returns the state of all runs, or an error if some failed here; `failed` did so before.
fn carry_out_all<'a>(
    sweep: &'a Sweep,
    runs: &[CheckedRun<'a>],
    decisions: Vec<Decision>,
    request: &Request,
    mut failed: Vec<&'a str>,
) -> Result<String> {
    for (checked, decision) in runs.iter().zip(decisions) {
        if signals::requested() {
            let finding = Finding::new(format!("interrupted before {} was started", checked.run.name));
            return Err(Error::new(Kind::Interrupted, finding.hint("submit the rest with --retry")));
        }
        if !carry_out(checked, decision, request.local)? {
            failed.push(checked.run.name.as_str());
        }
    }
    completion(sweep, &failed)
}

/// Refuses Slurm on Windows. Job scripts hold absolute paths, and those of Windows, with drive letters, mean nothing on a
/// Slurm node, which runs Linux.
fn refuse_windows(windows: bool, local: bool) -> Result<()> {
    if !windows || local {
        return Ok(());
    }
    let finding = Finding::new("jobs can't be submitted to Slurm from Windows");
    Err(Error::usage(finding.hint("submit from a login node of the cluster, or use --local to run here")))
}

/// Carries out a decision; false where a local run failed. Holds the run's lock and refuses if another process has
/// submitted the run since the decision.
fn carry_out(checked: &CheckedRun, decision: Decision, local: bool) -> Result<bool> {
    let jobs = match decision.action {
        Action::Leave(state) => {
            tracing::info!("{}: {}, left unchanged", checked.run.name, state.text());
            return Ok(true);
        }
        Action::Submit | Action::Overwrite => slurm::all(&checked.submission),
        Action::Retry(ref jobs) => jobs.clone(),
    };
    let mut lock = checked.folder.lock()?;
    if checked.folder.read().ok() != decision.submitted {
        return Err(checked.folder.busy());
    }
    match decision.action {
        Action::Retry(_) if local => {}
        Action::Retry(_) => renew(checked)?,
        action => create(checked, action == Action::Overwrite)?,
    }
    lock.keep();
    if local {
        return local::evaluate(checked);
    }
    submit_jobs(checked, &jobs)?;
    Ok(true)
}

fn max_array_size(request: &Request) -> Result<u64> {
    if request.local {
        return Ok(DEFAULT_MAX_ARRAY_SIZE);
    }
    match slurm::max_array_size() {
        Ok(size) => Ok(size),
        Err(_) if request.dry_run => {
            tracing::warn!("Slurm does not answer: assuming at most {} tasks per array", DEFAULT_MAX_ARRAY_SIZE - 1);
            Ok(DEFAULT_MAX_ARRAY_SIZE)
        }
        Err(error) => Err(error),
    }
}

/// Writes a run's folder. With `overwrite`, first removes what an earlier submission left.
fn create(checked: &CheckedRun, overwrite: bool) -> Result<()> {
    if overwrite {
        // committing an empty folder removes the results of the earlier run, and nothing else
        OutputFolder::prepare(checked.folder.out(), true)?.commit()?;
        checked.folder.remove()?;
    }
    checked.folder.create(&checked.files, &checked.submission)
}

/// Rewrites the scripts of a run that is retried: the spec may ask for more memory by now.
fn renew(checked: &CheckedRun) -> Result<()> {
    let mut submission = checked.folder.read()?;
    submission.max_running = checked.submission.max_running;
    checked.folder.create(&checked.files, &submission)
}

fn submit_jobs(checked: &CheckedRun, requests: &[JobRequest]) -> Result<()> {
    let mut submission = checked.folder.read()?;
    let jobs = slurm::submit(requests, &mut submission, &checked.folder)?;
    let text: Vec<String> =
        requests.iter().zip(&jobs).map(|(request, job)| format!("{job} ({})", request.step.text())).collect();
    tracing::info!("{}: job {}", checked.run.name, text.join(", "));
    Ok(())
}

/// The state of all runs; an error where some clusterings or runs `failed` here.
fn completion(sweep: &Sweep, failed: &[&str]) -> Result<String> {
    let report = Overview::of(&sweep.folder())?.text(&sweep.folder())?;
    if failed.is_empty() {
        return Ok(report);
    }
    for line in report.lines() {
        tracing::info!("{line}");
    }
    let clusterings = failed.iter().filter(|name| sweep.kmeans.iter().any(|kmeans| kmeans.name == **name)).count();
    let what = match clusterings {
        0 => format!("{} of {} runs failed", failed.len(), sweep.runs.len()),
        some => format!("{some} of {} clusterings and {} runs failed", sweep.kmeans.len(), failed.len() - some),
    };
    let finding = Finding::new(what).found(failed.join(", "));
    Err(Error::failed(finding.hint("see their messages above; rerun them with --local --retry")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_runs_jobs_only_locally() {
        assert_eq!(refuse_windows(true, false).map_err(|error| error.kind()), Err(Kind::Usage));
        for (windows, local) in [(true, true), (false, true), (false, false)] {
            assert!(refuse_windows(windows, local).is_ok());
        }
    }
}
