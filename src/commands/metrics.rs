//! `clustrata metrics`: the main job.

use std::num::NonZero;
use std::time::{Instant, SystemTime};

use crate::backend::Tiling;
use crate::buffers::Buffers;
use crate::cli::MetricsArgs;
use crate::config::Options;
use crate::console::Console;
use crate::error::{Error, Finding, Result};
use crate::evaluate::{Evaluated, Evaluation, StageTime};
use crate::output::files::OutputFolder;
use crate::output::{montage, tables};
use crate::plan::Plan;
use crate::record::{self, RunRecord, Stage};
use crate::{gallery, summary};

pub(super) fn run(args: MetricsArgs, console: &Console) -> Result<String> {
    let file = args.config.as_deref().map(Options::read).transpose()?.unwrap_or_default();
    judge(args.options.over(file), console)
}

/// config -> plan -> tiles -> partials -> metrics -> record -> sinks.
pub(super) fn judge(options: Options, console: &Console) -> Result<String> {
    let started = SystemTime::now();
    let mut plan = Plan::check(options.resolve()?)?;
    let tiling = plan.tiling()?;
    plan.settings.tile_rows = NonZero::new(tiling.tile_rows);
    let folder = OutputFolder::prepare(&plan.settings.out, plan.settings.force)?;
    let finished = write_all(&plan, tiling, &folder, started, console);
    console.log.detach();
    let record = finished?;
    let out = folder.path().to_owned();
    folder.commit()?;
    Ok(summary::of_run(&record, &out))
}

fn write_all(
    plan: &Plan,
    tiling: Tiling,
    folder: &OutputFolder,
    started: SystemTime,
    console: &Console,
) -> Result<RunRecord> {
    attach_log(folder, console)?;
    let job = plan.job();
    announce(plan, tiling);

    let mut buffers = Buffers::create(plan, folder)?;
    let evaluation = Evaluation {
        embeddings: &plan.embeddings,
        hierarchy: &plan.hierarchy,
        levels: &plan.levels,
        rows: 0..plan.embeddings.rows(),
        backend: plan.backend.as_ref(),
        job: &job,
        tiling,
        nonfinite: plan.settings.nonfinite,
        wanted: plan.wanted(),
        watch: console,
        keeper: &crate::evaluate::Forget,
        clock: crate::evaluate::Clock::default(),
    };
    let evaluated = evaluation.run(buffers.sinks())?;
    let times = evaluation.clock.stages();
    let distances = buffers.finish()?;

    let mut record = record_of(plan, &evaluated, tiling, started);
    record.stages = stages(plan, &times);
    record.warnings.extend(folder.warnings().iter().cloned());
    warn_of_skipped(&mut record, &evaluated);
    let clock = Instant::now();
    if plan.wants_montages() {
        make_montages(plan, &mut record, &distances, folder)?;
        record.stages.push(Stage::new("montages", clock.elapsed().as_secs_f64()));
    }
    distances.remove_temporary();
    let clock = Instant::now();
    tables::write_tables(&record, |relative| folder.staging(relative))?;
    write_settings(plan, folder)?;
    record.stages.push(Stage::new("tables", clock.elapsed().as_secs_f64()));
    for warning in &record.warnings {
        tracing::warn!("{warning}");
    }
    tables::write_record(&folder.staging("record.json")?, &record)?;
    Ok(record)
}

fn attach_log(folder: &OutputFolder, console: &Console) -> Result<()> {
    let path = folder.staging("log.txt")?;
    console.log.attach(&path).map_err(|e| Error::io("can't write the log", &path, &e))
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

fn record_of(plan: &Plan, evaluated: &Evaluated, tiling: Tiling, started: SystemTime) -> RunRecord {
    let level = |facts| record::Level::new(facts, &plan.metrics, &plan.ranking);
    RunRecord {
        format: record::FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect(),
        started: record::rfc3339(started),
        device: plan.recorded_device(tiling),
        settings: serde_json::to_value(&plan.settings).unwrap_or_default(),
        inputs: plan.inputs(),
        stages: Vec::new(),
        warnings: plan.warnings.clone(),
        skipped_rows: evaluated.skipped,
        metrics: plan.metrics.iter().map(|&metric| metric.into()).collect(),
        levels: evaluated.levels.iter().map(level).collect(),
    }
}

fn stages(plan: &Plan, times: &[StageTime]) -> Vec<Stage> {
    let rows = plan.embeddings.rows();
    let bytes = rows * plan.embeddings.row_bytes() as u64;
    let stage = |time: &StageTime| match time.over_rows {
        true => Stage::over_rows(time.name, time.seconds, rows, bytes),
        false => Stage::new(time.name, time.seconds),
    };
    std::iter::once(Stage::new("open", plan.seconds)).chain(times.iter().map(stage)).collect()
}

fn warn_of_skipped(record: &mut RunRecord, evaluated: &Evaluated) {
    if evaluated.skipped > 0 {
        let first: Vec<String> = evaluated.first_skipped.iter().map(u64::to_string).collect();
        let text = format!(
            "{} rows hold a NaN or an infinity and are in no figure (--nonfinite skip): {}{}",
            evaluated.skipped,
            first.join(", "),
            if evaluated.skipped > first.len() as u64 { ", ..." } else { "" }
        );
        record.warnings.push(text);
    }
}

fn make_montages(
    plan: &Plan,
    record: &mut RunRecord,
    distances: &crate::buffers::Written,
    folder: &OutputFolder,
) -> Result<()> {
    let files = distances.open()?;
    let pictures = gallery::compose(plan, &record.levels, &files)?;
    let mut jobs = Vec::new();
    for picture in &pictures {
        jobs.push((folder.staging(&picture.file.path)?, picture.montage.clone()));
    }
    let stop_when_asked = |_: &std::path::Path| {
        if crate::interrupt::requested() { Err(Error::interrupted()) } else { Ok(()) }
    };
    let made = montage::write_all(&jobs, &montage::Options::default(), stop_when_asked)?;
    let unreadable = made.missing.len() + made.broken.len();
    if unreadable > 0 {
        let example = made.missing.iter().chain(made.broken.keys()).next();
        let example = example.map_or(String::new(), |path| format!(", such as {}", path.display()));
        record.warnings.push(format!(
            "{} images are missing and {} can't be read{example}: their tiles are marked; check --image-root",
            made.missing.len(),
            made.broken.len()
        ));
    }
    for mut picture in pictures {
        let shown = || picture.montage.tiles.iter().map(|tile| &tile.image);
        picture.file.missing = shown().filter(|&image| made.missing.contains(image)).count();
        picture.file.broken = shown().filter(|&image| made.broken.contains_key(image)).count();
        if let Some(level) = record.levels.iter_mut().find(|level| level.level == picture.level) {
            level.montages.push(picture.file);
        }
    }
    Ok(())
}

fn write_settings(plan: &Plan, folder: &OutputFolder) -> Result<()> {
    let path = folder.staging("config.yaml")?;
    let text = plan.settings.to_yaml()?;
    std::fs::write(&path, text).map_err(|e| Error::failed(Finding::io("can't write the settings", &path, &e)))
}
