//! `clustrata submit`: runs on Slurm, or one after another here.

mod clustering;
mod local;
mod ready;

use std::path::Path;

use crate::base::error::{Error, Finding, Findings, Kind, Result};
use crate::base::signals;
use crate::batch::slurm::{self, Begun, Planned, RunStatus, Site, State, Submission};
use crate::batch::sweep::{self, Sweep};
use crate::cli::args::SubmitArgs;
use crate::cli::commands::status;
use crate::formats::folder::{OutputFolder, RECORD};
use crate::run::parts;
use ready::Ready;

/// What `MaxArraySize` is where no administrator changed it.
const USUAL_ARRAY_SIZE: u64 = 1001;

/// spec -> clustering -> checked inputs -> scripts -> jobs. Nothing is written before all runs are found to be in order.
pub(super) fn run(args: &SubmitArgs) -> Result<String> {
    let sweep = sweep::read(&args.spec)?;
    let mut site = Site::read(&sweep.slurm)?;
    if args.local {
        // one machine does a run best in one go
        site.shards = 1;
    }
    if let Some(told) = clustering::make_first(&sweep, &site, args)? {
        return Ok(told);
    }
    let runs = ready::check(&sweep, &site, array_size(args)?)?;
    let decided = decide(&runs, args)?;
    if args.dry_run {
        return preview(&runs, &decided, args.local);
    }
    let mut failed = Vec::new();
    for (ready, plan) in runs.iter().zip(decided) {
        if signals::requested() {
            let finding = Finding::new(format!("interrupted before {} was begun", ready.run.name));
            return Err(Error::new(Kind::Interrupted, finding.hint("submit again with --retry for the rest")));
        }
        if !carry_out(ready, plan, args.local)? {
            failed.push(ready.run.name.as_str());
        }
    }
    completion(&sweep, &failed)
}

/// Does what was decided for a run; false where it failed here. Nobody else submits it meanwhile, nor did since it was
/// decided.
fn carry_out(ready: &Ready, decided: Decided, local: bool) -> Result<bool> {
    let planned = match decided.plan {
        Plan::Leave(state) => {
            tracing::info!("{}: {}, left as it is", ready.run.name, state.text());
            return Ok(true);
        }
        Plan::Begin | Plan::Anew => slurm::all(&ready.submission),
        Plan::Rest(ref planned) => planned.clone(),
    };
    let mut lock = ready.folder.lock()?;
    if ready.folder.read().ok() != decided.submitted {
        return Err(ready.folder.busy());
    }
    match decided.plan {
        Plan::Rest(_) if local => {}
        Plan::Rest(_) => renew(ready)?,
        plan => begin(ready, plan == Plan::Anew)?,
    }
    lock.keep();
    if local {
        return local::judge(ready);
    }
    submit(ready, &planned)?;
    Ok(true)
}

/// What is to be done with a run, and what of it was submitted when that was decided.
struct Decided {
    plan: Plan,
    submitted: Option<Submission>,
}

/// What is to be done with a run.
#[derive(Debug, Clone, PartialEq)]
enum Plan {
    /// It was never submitted.
    Begin,
    /// What there is of it goes.
    Anew,
    /// Some of its jobs are to be submitted again.
    Rest(Vec<Planned>),
    /// It is complete or under way.
    Leave(State),
}

/// Decides for each run; refuses all that can't be, together.
fn decide(runs: &[Ready], args: &SubmitArgs) -> Result<Vec<Decided>> {
    let mut findings = Findings::new();
    let mut all = Vec::new();
    // before it is looked what became of them: what is submitted since then shows under the lock
    let submitted: Vec<Option<Submission>> = runs.iter().map(|ready| ready.folder.read().ok()).collect();
    let statuses = status::of_runs(runs.iter().map(|ready| (ready.run.name.clone(), ready.folder.out().to_owned())));
    for ((ready, submitted), (_, _, status)) in runs.iter().zip(submitted).zip(statuses) {
        let plan = match status {
            Some(Begun::Known(status)) => plan_again(ready, &status, args)?,
            Some(Begun::Unreadable { error }) if !args.overwrite => {
                error.findings().kept().iter().for_each(|finding| findings.push(finding.clone()));
                continue;
            }
            Some(Begun::Unreadable { .. }) | None => plan_first(ready.folder.out(), args)?,
        };
        match plan {
            Ok(plan) => all.push(Decided { plan, submitted }),
            Err(finding) => findings.push_usage(finding),
        }
    }
    findings.into_result()?;
    Ok(all)
}

/// For a run that was never submitted; its folder may hold the results of `metrics` or `merge`.
fn plan_first(out: &Path, args: &SubmitArgs) -> Result<Result<Plan, Finding>> {
    if args.overwrite {
        return Ok(Ok(Plan::Anew));
    }
    if !out.join(RECORD).exists() && parts::survey(out)?.is_empty() {
        return Ok(Ok(Plan::Begin));
    }
    let finding = Finding::new("the run's folder holds results already").file(out);
    Ok(Err(finding.hint("replace them with --overwrite")))
}

/// For a run that was submitted before.
fn plan_again(ready: &Ready, status: &RunStatus, args: &SubmitArgs) -> Result<Result<Plan, Finding>> {
    let folder = &ready.folder;
    if args.overwrite {
        return Ok(slurm::refuse_active(folder, status).map(|()| Plan::Anew));
    }
    if !args.retry {
        return Ok(Err(submitted_already(folder.out()).found(status.state.text())));
    }
    if let Err(moved) = slurm::refuse_moved(folder, status) {
        return Ok(Err(moved));
    }
    let submission = folder.read()?;
    if folder.settings().as_deref() != Some(&ready.settings) || submission.layout != ready.submission.layout {
        let finding = Finding::new("the spec has changed since the run was submitted");
        let finding = finding.file(folder.file("metrics.yaml"));
        return Ok(Err(finding.hint("change it back, or begin anew with --overwrite")));
    }
    if matches!(status.state, State::Done | State::Running | State::Queued) {
        return Ok(Ok(Plan::Leave(status.state)));
    }
    let (first, second) = status.open_shards();
    let rest = Plan::Rest(slurm::remaining(&submission, &first, &second));
    Ok(slurm::refuse_active(folder, status).map(|()| rest))
}

fn submitted_already(out: &Path) -> Finding {
    let finding = Finding::new("the run was submitted already").file(out);
    finding.hint("--retry submits what is missing, --overwrite begins anew, `clustrata status` tells more")
}

fn array_size(args: &SubmitArgs) -> Result<u64> {
    if args.local {
        return Ok(USUAL_ARRAY_SIZE);
    }
    match slurm::max_array_size() {
        Ok(size) => Ok(size),
        Err(_) if args.dry_run => {
            tracing::warn!("Slurm does not answer: arrays are taken to have at most {} tasks", USUAL_ARRAY_SIZE - 1);
            Ok(USUAL_ARRAY_SIZE)
        }
        Err(error) => Err(error),
    }
}

/// The scripts and the sbatch lines of every run.
fn preview(runs: &[Ready], decided: &[Decided], local: bool) -> Result<String> {
    let mut text = Vec::new();
    for (ready, decided) in runs.iter().zip(decided) {
        let planned = match &decided.plan {
            Plan::Begin | Plan::Anew => slurm::all(&ready.submission),
            Plan::Rest(planned) => planned.clone(),
            Plan::Leave(state) => {
                text.push(format!("### {}: {}, left as it is", ready.run.name, state.text()));
                continue;
            }
        };
        text.push(format!("### {}: {}", ready.run.name, ready.folder.out().display()));
        if local {
            text.push(format!("# metrics.yaml\n{}", ready.settings));
            continue;
        }
        text.extend(ready.files.iter().map(|(name, file)| format!("# {name}\n{file}")));
        text.push(slurm::preview(&planned, &ready.submission, &ready.folder)?.join("\n"));
    }
    Ok(text.join("\n\n"))
}

/// Writes a run's folder; first clears what an earlier submission left.
fn begin(ready: &Ready, anew: bool) -> Result<()> {
    if anew {
        // an empty commit takes the results of the earlier run away, and only those
        OutputFolder::prepare(ready.folder.out(), true)?.commit()?;
        ready.folder.remove()?;
    }
    ready.folder.create(&ready.files, &ready.submission)
}

/// Writes the scripts of a run that is tried again: the spec may ask for more memory by now.
fn renew(ready: &Ready) -> Result<()> {
    let mut submission = ready.folder.read()?;
    submission.max_running = ready.submission.max_running;
    ready.folder.create(&ready.files, &submission)
}

fn submit(ready: &Ready, planned: &[Planned]) -> Result<()> {
    let mut submission = ready.folder.read()?;
    let jobs = slurm::submit(planned, &mut submission, &ready.folder)?;
    let told: Vec<String> =
        planned.iter().zip(&jobs).map(|(planned, job)| format!("{job} ({})", planned.step.text())).collect();
    tracing::info!("{}: job {}", ready.run.name, told.join(", "));
    Ok(())
}

/// How far all runs are; an error where some `failed` here.
fn completion(sweep: &Sweep, failed: &[&str]) -> Result<String> {
    let folders = sweep.runs.iter().map(|run| (run.name.clone(), run.folder.clone()));
    let report = slurm::of_grid(&sweep.root.join(&sweep.name), &status::of_runs(folders));
    if failed.is_empty() {
        return Ok(report);
    }
    for line in report.lines() {
        tracing::info!("{line}");
    }
    let finding = Finding::new(format!("{} of {} runs failed", failed.len(), sweep.runs.len()));
    let finding = finding.found(failed.join(", "));
    Err(Error::failed(finding.hint("what each said stands above; --local --retry does them again")))
}
