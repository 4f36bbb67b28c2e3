//! The main job: one run, in one piece.

use std::num::NonZero;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::finish::{self, Told};
use super::frontend::Frontend;
use super::gates;
use crate::backend::{Job, Tiling};
use crate::base::error::{Error, Finding, Kind, Result};
use crate::base::signals::{self, StopRequest};
use crate::engine::checkpoint::{CheckpointStore, Stage};
use crate::evaluate::{Clock, Evaluation};
use crate::formats::folder::{OutputFolder, RECORD};
use crate::plan::Plan;
use crate::plan::record::{RunRecord, Worker};
use crate::plan::settings::{Checkpoint, Options, Settings};
use crate::report::tracking;
use crate::run::buffers::Buffers;
use crate::run::parts::{About, Earlier, PartFolder, folder_of};

/// A run that was asked for a checkpoint where there is nothing new to keep is to be taken up again all the same.
pub fn paused(error: Error) -> Error {
    if error.kind() != Kind::Interrupted || signals::asked() != StopRequest::Checkpoint {
        return error;
    }
    let finding = Finding::new("stopped by a signal, with nothing to add to what was kept before");
    Error::new(Kind::Paused, finding.hint("the same command with --resume goes on from there"))
}

/// config -> plan -> tiles -> partials -> metrics -> record -> sinks.
pub fn judge(options: Options, resume: bool, json: bool, frontend: &dyn Frontend) -> Result<String> {
    signals::install_checkpoints();
    let started = SystemTime::now();
    let plan = Plan::check(options.resolve()?)?;
    let agreement = plan.fingerprint()?;
    let hash = plan.hash(&agreement)?;
    if resume && let Some(record) = finished(&plan.settings.out, &hash) {
        // it may have been killed before it cleared up
        let rows = 0..plan.embeddings.rows();
        if folder_of(&plan.settings.out, &rows).parent().is_some_and(Path::is_dir) {
            PartFolder::open(&plan.settings.out, rows, agreement, about(&plan), Earlier::Discard)?.discard();
        }
        return gates::hold(&plan.settings.gates, &record, &plan.settings.out, "complete already\n", json);
    }
    let rows = 0..plan.embeddings.rows();
    // a run that was killed while it moved its results into place has left some of them
    let out = &plan.settings.out;
    let interrupted = resume && !out.join(RECORD).exists() && folder_of(out, &rows).is_dir();
    let folder = OutputFolder::prepare(out, plan.settings.force || interrupted)?;
    let earlier = match (resume, plan.settings.force) {
        (true, _) => Earlier::Resume,
        (false, true) => Earlier::Discard,
        (false, false) => Earlier::Refuse,
    };
    let work = PartFolder::open(folder.path(), rows, agreement, about(&plan), earlier)?;
    let work = work.storing(interval(&plan), false);
    let settings = plan.settings.clone();
    let finished = attach_log(&folder, frontend).and_then(|()| {
        let prepared = prepare(plan, work)?;
        evaluate_and_write(prepared, hash, &folder, started, frontend)
    });
    frontend.detach_log();
    let (record, work) = finished?;
    let out = folder.path().to_owned();
    folder.commit()?;
    work.discard();
    tracking::send_after_run(&settings.tracking, &record, &out);
    gates::hold(&settings.gates, &record, &out, "", json)
}

fn evaluate_and_write(
    prepared: Prepared,
    plan_hash: String,
    folder: &OutputFolder,
    started: SystemTime,
    frontend: &dyn Frontend,
) -> Result<(RunRecord, PartFolder)> {
    let settings = prepared.settings();
    let Prepared { plan, work, tiling, warnings } = prepared;
    let mut buffers = buffers(&plan, &work, work.path())?;
    let (evaluated, distances, stages) = {
        let job = plan.job(NonZero::new(tiling.tile_rows));
        let evaluation = evaluation(&plan, &job, tiling, work.rows().clone(), frontend, &work);
        let first = evaluation.first(buffers.sinks())?;
        let counted = first.counts;
        let known = evaluation.first_round(first)?;
        work.second_round(evaluation.second_stages(&known));
        let second = evaluation.second(&known)?;
        let distances = finish::counts(counted, &second);
        (evaluation.finish(known, second)?, distances, evaluation.clock.stages())
    };
    let written = buffers.finish()?.placed_in(folder)?;
    let told = Told { started, settings, warnings, tiling, plan_hash, distances, parts: Vec::new(), stages };
    let record = finish::write_all(&plan, &evaluated, &written, told, folder)?;
    Ok((record, work))
}

/// The main loop over some rows.
pub(super) fn evaluation<'a>(
    plan: &'a Plan,
    job: &'a Job<'a>,
    tiling: Tiling,
    rows: std::ops::Range<u64>,
    frontend: &'a dyn Frontend,
    checkpoints: &'a dyn CheckpointStore,
) -> Evaluation<'a> {
    Evaluation {
        embeddings: &plan.embeddings,
        hierarchy: &plan.hierarchy,
        labels: plan.labels.as_ref(),
        levels: &plan.levels,
        rows,
        backend: plan.backend.as_ref(),
        job,
        tiling,
        nonfinite: plan.settings.nonfinite,
        wanted: plan.wanted(),
        watch: frontend,
        checkpoints,
        clock: Clock::default(),
    }
}

/// A plan with what is decided only when it runs.
pub(super) struct Prepared {
    /// Reads staged copies of the embeddings if `--scratch` is set.
    pub(super) plan: Plan,
    pub(super) work: PartFolder,
    pub(super) tiling: Tiling,
    /// Warnings so far, those of the plan included.
    pub(super) warnings: Vec<String>,
}

impl Prepared {
    /// The settings with the tile size in use.
    fn settings(&self) -> Settings {
        Settings { tile_rows: NonZero::new(self.tiling.tile_rows), ..self.plan.settings.clone() }
    }
}

/// Stages the embeddings and decides on tiles; a resumed run keeps its tile size.
pub(super) fn prepare(plan: Plan, mut work: PartFolder) -> Result<Prepared> {
    let (plan, staged_bytes) = plan.stage_embeddings(&signals::go_on)?;
    work.about_mut().worker.staged_bytes = staged_bytes;
    let earlier = work.earlier_tile_rows();
    let tiling = plan.tiling(earlier.and_then(NonZero::new).or(plan.tile_rows()))?;
    let mut warnings = plan.warnings.clone();
    if earlier.is_some_and(|rows| rows != tiling.tile_rows) {
        warnings.push(format!("this device takes tiles of {} rows: the last bits may differ", tiling.tile_rows));
    }
    work.about_mut().worker.device = plan.recorded_device(tiling);
    announce(&plan, tiling);
    Ok(Prepared { plan, work, tiling, warnings })
}

/// The buffers of the part's rows, in `folder`: those of an interrupted run, or new ones.
pub(super) fn buffers(plan: &Plan, work: &PartFolder, folder: &Path) -> Result<Buffers> {
    let begun = work.first_rows_done() > 0;
    if begun && folder != work.path() {
        // of another machine, as its last checkpoint has left them
        Buffers::fetch(plan, work.path(), folder)?;
    }
    let earlier = if begun { Buffers::reopen(plan, folder, work.rows())? } else { None };
    let buffers = match earlier {
        Some(buffers) => buffers,
        None => {
            if begun {
                tracing::warn!("the distances of the interrupted run are not there: begun anew");
                work.forget(Stage::Distances);
            }
            Buffers::create(plan, folder, work.rows())?
        }
    };
    work.sync_first(buffers.paths());
    Ok(buffers)
}

/// What is written down beside partial results; the device's tiles are not known yet.
pub(super) fn about(plan: &Plan) -> About {
    let device = plan.recorded_device(Tiling { tile_rows: 0, lanes: 0 });
    let host = gethostname::gethostname().to_string_lossy().into_owned();
    About {
        settings: serde_json::to_value(plan.settings.clone().absolute()).unwrap_or_default(),
        worker: Worker { host, device, seconds: 0.0, resumed: 0, staged_bytes: 0 },
    }
}

pub(super) fn interval(plan: &Plan) -> Option<Duration> {
    match plan.settings.checkpoint {
        Checkpoint::Off => None,
        Checkpoint::Every(interval) => Some(interval),
    }
}

/// The record in `out`, where it is of this very plan, which is known by its hash.
pub(super) fn finished(out: &Path, plan_hash: &str) -> Option<RunRecord> {
    let text = std::fs::read(out.join(RECORD)).ok()?;
    let record: RunRecord = serde_json::from_slice(&text).ok()?;
    (record.plan == plan_hash).then_some(record)
}

pub(super) fn attach_log(folder: &OutputFolder, frontend: &dyn Frontend) -> Result<()> {
    let path = folder.staging("log.txt")?;
    frontend.attach_log(&path).map_err(|e| Error::io("can't write the log", &path, &e))
}

fn announce(plan: &Plan, tiling: Tiling) {
    let embeddings = &plan.embeddings;
    let levels: Vec<String> = plan
        .levels
        .iter()
        .map(|&l| format!("level {} with {} clusters", plan.hierarchy.levels[l].number, plan.hierarchy.k(l)))
        .collect();
    tracing::info!("{} rows of {} columns ({})", embeddings.rows(), embeddings.dim(), embeddings.dtype().descr());
    tracing::info!("{}", levels.join(", "));
    let device = &plan.device;
    tracing::info!("device: {} [{}, {}]: {}", device.name, device.backend, device.api, plan.reason);
    tracing::info!("writing to {}", plan.settings.out.display());
    tracing::debug!(
        "tiles of {} rows, {} in flight; inputs checked in {:.3} s",
        tiling.tile_rows,
        tiling.lanes,
        plan.seconds
    );
}
