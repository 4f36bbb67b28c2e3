//! The main job: one run, in one piece.

use std::num::NonZero;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::centroids::{self, Keep};
use super::finish::{self, RunSummary};
use super::frontend::Frontend;
use super::gates;
use super::mapping::Mapping;
use crate::backend::{Job, Tiling};
use crate::base::error::{Error, Finding, Kind, Result};
use crate::base::signals::{self, StopRequest};
use crate::engine::checkpoint_store::{CheckpointStore, Stage};
use crate::engine::points::{EmbeddingPoints, Points};
use crate::engine::resident_points::ResidentPoints;
use crate::evaluate::{Clock, Evaluation, StageTime};
use crate::formats::folder::{OutputFolder, RECORD};
use crate::plan::Plan;
use crate::plan::fingerprint::RunFingerprint;
use crate::plan::record::{RunRecord, Worker};
use crate::plan::settings::{Checkpoint, Options, Settings};
use crate::report::summary::Ending;
use crate::report::tracking;
use crate::run::buffers::{Buffers, SilhouetteBuffers};
use crate::run::legs::Legs;
use crate::run::parts::{Earlier, PartFolder, PartInfo, folder_of};

/// Turns an interruption by a checkpoint signal into `Paused`: the run can be resumed even if it had nothing new to save.
pub fn interrupted_as_paused(error: Error) -> Error {
    if error.kind() != Kind::Interrupted || signals::asked() != StopRequest::Checkpoint {
        return error;
    }
    let finding = Finding::new("stopped by a signal; nothing new since the last checkpoint");
    Error::new(Kind::Paused, finding.hint("the same command with --resume resumes from there"))
}

/// Evaluates a clustering: settings -> plan -> tiles -> partial sums -> metrics -> record -> files. Returns the text to
/// print.
///
/// # Errors
/// Whatever is wrong with settings, inputs, device or disk; `Gate` where a gate of `fail_if` fails.
pub fn evaluate(options: Options, resume: bool, json: bool, frontend: &dyn Frontend) -> Result<String> {
    signals::install_checkpoints();
    let (started, legs) = (SystemTime::now(), Legs::start());
    let plan = Plan::check(options.resolve()?)?;
    let agreement = plan.fingerprint()?;
    let hash = plan.hash(&agreement)?;
    if resume && let Some(record) = finished_record(&plan.settings.out, &hash) {
        // the run may have been killed before it removed its part
        let rows = 0..plan.embeddings.rows();
        centroids::forget(&plan, &agreement);
        if folder_of(&plan.settings.out, &rows).parent().is_some_and(Path::is_dir) {
            let info = part_info(&plan, legs, &rows);
            PartFolder::open(&plan.settings.out, rows, agreement, info, Earlier::Discard)?.discard();
        }
        let ending = Ending { out: &plan.settings.out, took: None, terminal: frontend.terminal() };
        return gates::hold(&plan.settings.gates, &record, &ending, json);
    }
    let rows = 0..plan.embeddings.rows();
    // a run killed while moving its results into place has left some of them
    let out = &plan.settings.out;
    let interrupted = resume && !out.join(RECORD).exists() && folder_of(out, &rows).is_dir();
    let folder = OutputFolder::prepare(out, plan.settings.force || interrupted)?;
    let earlier = match (resume, plan.settings.force) {
        (true, _) => Earlier::Resume,
        (false, true) => Earlier::Discard,
        (false, false) => Earlier::Refuse,
    };
    let info = part_info(&plan, legs, &rows);
    let work = PartFolder::open(folder.path(), rows, agreement.clone(), info, earlier)?;
    let work = work.storing(checkpoint_interval(&plan), false);
    let settings = plan.settings.clone();
    let keep = Keep::IfSlow(checkpoint_interval(&plan));
    let finished = attach_log(&folder, frontend).and_then(|()| {
        let prepared = prepare(plan, work, &agreement, (keep, true), frontend)?;
        evaluate_and_write(prepared, hash, &folder, started, frontend)
    });
    frontend.detach_log();
    let (record, work, plan) = finished?;
    let out = folder.path().to_owned();
    folder.commit()?;
    centroids::forget(&plan, &agreement);
    work.discard();
    tracking::send_after_run(&settings.tracking, &record, &out);
    let ending = Ending { out: &out, took: started.elapsed().ok(), terminal: frontend.terminal() };
    gates::hold(&settings.gates, &record, &ending, json)
}

fn evaluate_and_write(
    prepared: Prepared,
    plan_hash: String,
    folder: &OutputFolder,
    started: SystemTime,
    frontend: &dyn Frontend,
) -> Result<(RunRecord, PartFolder, Arc<Plan>)> {
    let settings = prepared.settings();
    let Prepared { plan, work, tiling, warnings, centroids } = prepared;
    let plan = Arc::new(plan);
    let map = Mapping::begin(&plan);
    let mut buffers = open_buffers(&plan, &work, work.path())?;
    let mut silhouettes = SilhouetteBuffers::create(&plan, folder)?;
    let (evaluated, distances, stages) = {
        let points = EmbeddingPoints { embeddings: &plan.embeddings, subset: None };
        // only metrics of the true means need a second pass over the points
        let resident = (plan.wanted().means && !plan.hierarchy.centroids_are_means())
            .then(|| ResidentPoints::new(&points, plan.backend.as_ref(), tiling.tile_rows));
        let kept = resident.as_ref().and_then(|points| points.kept());
        let job = Job { kept, ..plan.job(NonZero::new(tiling.tile_rows)) };
        let evaluation = evaluation(&plan, &job, tiling, work.rows().clone(), frontend, &work);
        let mut sinks = buffers.sinks();
        let first = evaluation.first(&mut sinks)?;
        let counted = first.counts;
        let known = evaluation.first_round(first)?;
        work.second_round(evaluation.second_stages(&known));
        let second = evaluation.second(&known, &mut sinks)?;
        let distances = finish::counts(counted, &second);
        let stages = centroids.into_iter().chain(evaluation.clock.stages()).collect();
        (evaluation.finish(known, second, &mut silhouettes.sinks())?, distances, stages)
    };
    let written = buffers.finish()?.placed_in(folder)?.with_silhouettes(silhouettes);
    let legs = work.legs().clone();
    let summary =
        RunSummary { started, legs, settings, warnings, tiling, plan_hash, distances, parts: Vec::new(), stages, map };
    let record = finish::write_all(&plan, &evaluated, &written, summary, folder, frontend)?;
    Ok((record, work, plan))
}

/// The main loop over some rows.
pub(super) fn evaluation<'a>(
    plan: &'a Plan,
    job: &'a Job<'a>,
    tiling: Tiling,
    rows: Range<u64>,
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
    /// Time to provide the means of labels as centroids.
    pub(super) centroids: Option<StageTime>,
}

impl Prepared {
    /// The settings with the tile size in use.
    fn settings(&self) -> Settings {
        Settings { tile_rows: NonZero::new(self.tiling.tile_rows), ..self.plan.settings.clone() }
    }
}

/// Stages the embeddings for the first round and, if the process `goes_on`, for the second. Provides missing centroids and
/// decides on tiles; a resumed run keeps its tile size.
pub(super) fn prepare(
    mut plan: Plan,
    mut work: PartFolder,
    agreement: &RunFingerprint,
    (keep, goes_on): (Keep, bool),
    frontend: &dyn Frontend,
) -> Result<Prepared> {
    stage(&mut plan, &mut work, goes_on)?;
    let centroids = centroids::provide(&mut plan, agreement, keep, frontend)?;
    let earlier = work.earlier_tile_rows();
    let tiling = plan.tiling(earlier.and_then(NonZero::new).or(plan.tile_rows()))?;
    let mut warnings = plan.warnings.clone();
    if earlier.is_some_and(|rows| rows != tiling.tile_rows) {
        warnings.push(format!("this device takes tiles of {} rows: the last bits may differ", tiling.tile_rows));
    }
    work.info_mut().worker.device = plan.recorded_device(tiling);
    announce(&plan, tiling);
    // now, when the run can still be stopped
    warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    Ok(Prepared { plan, work, tiling, warnings, centroids })
}

/// Copies rows to the machine's own disk, if `--scratch` is set, that are read more than once in the first round and, if the
/// process `goes_on`, in the second.
pub(super) fn stage(plan: &mut Plan, work: &mut PartFolder, goes_on: bool) -> Result<()> {
    let passes = plan.passes(work.rows(), goes_on, &|stage| work.has(stage));
    let staging = plan.stage(work.rows(), passes, &signals::go_on)?;
    let info = work.info_mut();
    info.worker.staged_bytes = staging.as_ref().map_or(0, |staging| staging.copied_bytes);
    info.legs.use_scratch(staging);
    Ok(())
}

/// Opens the distance buffers of the part's rows in `folder`: those of an interrupted run, or new ones.
pub(super) fn open_buffers(plan: &Plan, work: &PartFolder, folder: &Path) -> Result<Buffers> {
    let begun = work.first_rows_done() > 0;
    if begun && folder != work.path() {
        // from another machine, as of its last checkpoint
        Buffers::fetch(plan, work.path(), folder)?;
    }
    let earlier = if begun { Buffers::reopen(plan, folder, work.rows())? } else { None };
    let buffers = match earlier {
        Some(buffers) => buffers,
        None => {
            if begun {
                tracing::warn!("the distances of the interrupted run are missing: starting over");
                work.forget(Stage::Distances);
            }
            if plan.keeps_search() {
                // the rows that a repeated search has done are lost with the files
                work.forget(Stage::Search);
            }
            Buffers::create(plan, folder, work.rows())?
        }
    };
    work.sync_first(buffers.paths());
    Ok(buffers)
}

/// The information stored beside partial results. The tiling is not known yet.
pub(super) fn part_info(plan: &Plan, mut legs: Legs, rows: &Range<u64>) -> PartInfo {
    legs.use_device(plan.backend.as_ref());
    let device = plan.recorded_device(Tiling { tile_rows: 0, lanes: 0 });
    let host = gethostname::gethostname().to_string_lossy().into_owned();
    PartInfo {
        settings: serde_json::to_value(plan.settings.clone().absolute()).unwrap_or_default(),
        worker: Worker { host, device, seconds: 0.0, resumed: 0, staged_bytes: 0 },
        legs: legs.over(rows),
    }
}

pub(super) fn checkpoint_interval(plan: &Plan) -> Option<Duration> {
    match plan.settings.checkpoint {
        Checkpoint::Off => None,
        Checkpoint::Every(interval) => Some(interval),
    }
}

/// The record in `out`, if it is of the plan with this hash.
pub(super) fn finished_record(out: &Path, plan_hash: &str) -> Option<RunRecord> {
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
    let normalized = if embeddings.is_normalized() { ", normalised" } else { "" };
    let dtype = embeddings.stored_dtype().descr();
    tracing::info!("{} rows of {} columns ({dtype}{normalized})", embeddings.rows(), embeddings.dim());
    tracing::info!("{}", levels.join(", "));
    tracing::info!("device: {}: {}", plan.device.text(), plan.reason);
    tracing::info!("writing to {}", plan.settings.out.display());
    tracing::debug!(
        "tiles of {} rows, {} in flight; inputs checked in {:.3} s",
        tiling.tile_rows,
        tiling.lanes,
        plan.seconds
    );
}
