//! Adds up the parts of a run and finishes it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::centroids::{self, Keep};
use super::finish::{self, RunSummary};
use super::frontend::Frontend;
use super::gates;
use super::mapping::Mapping;
use super::session::{attach_log, evaluation};
use crate::base::error::{Error, Finding, Findings, Kind, Result};
use crate::base::signals::{self, StopRequest};
use crate::engine::checkpoint_store::{NoCheckpoints, Stage};
use crate::engine::partials::RowSums;
use crate::evaluate::SecondRound;
use crate::formats::folder::{OutputFolder, RECORD};
use crate::metrics;
use crate::metrics::gates::Gate;
use crate::plan::Plan;
use crate::plan::record::RunRecord;
use crate::plan::settings::{Options, Scratch, Settings};
use crate::report::summary::Ending;
use crate::report::tracking;
use crate::run::buffers::{SilhouetteBuffers, Written};
use crate::run::legs::Legs;
use crate::run::parts::Parts;

/// What to merge.
pub struct Request {
    /// Folder that the parts were written to.
    pub folder: PathBuf,
    /// Settings that replace those of the parts.
    pub options: Options,
    /// Whether to remove the parts afterwards.
    pub remove_parts: bool,
    /// Whether to print the summary as JSON.
    pub json: bool,
}

/// Merges the parts. Returns the text to print.
///
/// # Errors
/// Where parts are missing, damaged or of another run.
pub fn run(request: Request, frontend: &dyn Frontend) -> Result<String> {
    signals::install_checkpoints();
    let (started, mut legs) = (SystemTime::now(), Legs::start());
    let parts = Parts::find(&request.folder)?;
    let mut plan = Plan::check(settings(&parts, request.options, &request.folder)?.for_parts())?;
    legs.use_device(plan.backend.as_ref());
    legs.follow(parts.legs());
    let agreement = plan.fingerprint()?;
    parts.agree(&agreement)?;
    let plan_hash = plan.hash(&agreement)?;
    let folder = OutputFolder::prepare(&plan.settings.out, plan.settings.force)?;
    let finished = attach_log(&folder, frontend)
        .and_then(|()| centroids::provide(&mut plan, &agreement, Keep::Never, frontend))
        .and_then(|_| add_up_and_write(&plan, &parts, plan_hash, &folder, (started, legs), frontend));
    frontend.detach_log();
    let record = finished.map_err(|error| match signals::asked() {
        StopRequest::Checkpoint if error.kind() == Kind::Interrupted => {
            Error::new(Kind::Paused, Finding::new("stopped by a signal; the parts are unchanged").hint("merge again"))
        }
        _ => error,
    })?;
    let out = folder.path().to_owned();
    folder.commit()?;
    if request.remove_parts {
        verify(&out, &record)?;
        parts.remove()?;
    }
    tracking::send_after_run(&plan.settings.tracking, &record, &out);
    let ending = Ending { out: &out, took: started.elapsed().ok(), terminal: frontend.terminal() };
    gates::hold(&plan.settings.gates, &record, &ending, request.json)
}

/// Reads the record back before the parts go: they are the only other copy of the results.
fn verify(out: &Path, written: &RunRecord) -> Result<()> {
    let path = out.join(RECORD);
    let read = RunRecord::read(&path).map_err(Error::failed)?;
    let levels = |record: &RunRecord| serde_json::to_value(&record.levels).ok();
    if read.plan == written.plan && levels(&read).is_some_and(|read| Some(read) == levels(written)) {
        return Ok(());
    }
    let finding = Finding::new("the merged record does not read back as it was written, so the parts stay").file(path);
    Err(Error::failed(finding.hint("check the disk, then merge again with --force")))
}

/// The settings of the parts, overridden by `options`.
fn settings(parts: &Parts, options: Options, out: &Path) -> Result<Settings> {
    let of_parts = Options::of_value(parts.settings()?.clone())?;
    // settings of the parts' machines are dropped: a merge does not need the same device
    let of_parts =
        Options { out: None, device: None, threads: None, tile_rows: None, scratch: None, force: None, ..of_parts };
    let computed = of_parts.metrics.clone();
    let settings = Options { out: Some(out.to_owned()), ..options }.over(of_parts).resolve()?;
    check_gates(&settings, &computed)?;
    Ok(settings)
}

/// Refuses gates on metrics that the parts have not computed. Metrics of labels are computed by the merge itself.
fn check_gates(settings: &Settings, computed: &[String]) -> Result<()> {
    let mut findings = Findings::new();
    let there = |metric: &str| computed.iter().any(|name| name == metric) || metrics::of_labels().any(|n| n == metric);
    let missing = |gate| Some((gate, Gate::metric(gate).filter(|metric| !there(metric))?));
    for (gate, metric) in settings.gates.iter().filter_map(missing) {
        let finding = Finding::new(format!("a gate is on `{metric}`, which the parts have not computed"));
        findings.push_usage(finding.expected(format!("any of {}", computed.join(", "))).found(format!("`{gate}`")));
    }
    findings.into_result()
}

fn add_up_and_write(
    plan: &Plan,
    parts: &Parts,
    plan_hash: String,
    folder: &OutputFolder,
    (started, legs): (SystemTime, Legs),
    frontend: &dyn Frontend,
) -> Result<RunRecord> {
    let rows = plan.embeddings.rows();
    let tiling = plan.tiling(plan.tile_rows())?;
    let first = parts.rows(Stage::Distances, rows)?;
    let mut silhouettes = SilhouetteBuffers::create(plan, folder)?;
    let (evaluated, stages, times) = {
        let job = plan.job(plan.tile_rows());
        let evaluation = evaluation(plan, &job, tiling, 0..rows, frontend, &NoCheckpoints);
        let known = evaluation.first_round(first)?;
        let stages = evaluation.second_stages(&known);
        let second = second_round(parts, &stages, rows)?;
        (evaluation.finish(known, second, &mut silhouettes.sinks())?, stages, evaluation.clock.stages())
    };
    let written = Written::of_parts(plan, &parts.folders(), folder)?.with_silhouettes(silhouettes);
    let done = std::iter::once(Stage::Distances).chain(stages);
    let distances: BTreeMap<_, _> = done.map(|stage| (stage.name().to_owned(), parts.counts(stage))).collect();
    // a merge copies nothing, but the parts may have
    let scratch = parts.settings()?["scratch"].as_str().map(|written| Scratch::new(written.into()));
    let (settings, warnings) = (Settings { scratch, ..plan.settings.clone() }, plan.warnings.clone());
    warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let summary = RunSummary {
        started,
        legs,
        settings,
        warnings,
        tiling,
        plan_hash,
        distances,
        parts: parts.workers(),
        stages: times,
        map: Mapping::later(),
    };
    finish::write_all(plan, &evaluated, &written, summary, folder, frontend)
}

/// Adds up the second rounds of all parts.
fn second_round(parts: &Parts, stages: &[Stage], rows: u64) -> Result<SecondRound> {
    // report everything that is missing together
    let mut findings = Findings::new();
    stages.iter().for_each(|&stage| findings.extend(parts.wanting(stage, rows)));
    findings.into_result()?;
    let sums =
        |stage| -> Result<Option<RowSums>> { stages.contains(&stage).then(|| parts.rows(stage, rows)).transpose() };
    let silhouettes = stages.iter().filter(|stage| matches!(stage, Stage::Silhouette(_)));
    let outer = silhouettes.map(|&stage| parts.outer(stage, rows)).collect::<Result<_>>()?;
    let (search, around, cosine) = (sums(Stage::Search)?, sums(Stage::Means)?, sums(Stage::Cosine)?);
    Ok(SecondRound { search, around, outer, cosine })
}
