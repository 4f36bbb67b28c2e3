//! `clustrata kmeans`: from embeddings to the hierarchy.

mod inputs;
mod place;

use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use super::metrics::paused;
use crate::backend::DeviceInfo;
use crate::backend::select::{self, Choice};
use crate::cli::KmeansArgs;
use crate::config::{Checkpoint, KmeansOptions, KmeansSettings};
use crate::console::Console;
use crate::error::{Error, Finding, Result};
use crate::evaluate::Watch;
use crate::interrupt;
use crate::kmeans::{Alone, Build, EmbeddingPoints, Level, Meeting, Network, Team, still_there};
use crate::matrix::Dtype;
use crate::record::{self, InputFile, KmeansRecord, KmeansStep};
use crate::shard::Shard;
use crate::summary::table;
use inputs::Inputs;
use place::{Found, Place};

/// What is known of a clustering before anything is computed.
pub(super) struct Survey {
    /// Rows of the embeddings.
    pub(super) rows: u64,
    /// Whether it is there, made with these settings of these inputs.
    pub(super) complete: bool,
}

/// Opens all inputs, without a device, and looks into the output folder.
///
/// # Errors
/// Where `--resume` would refuse to begin or to go on.
pub(super) fn survey(settings: &KmeansSettings) -> Result<Survey> {
    let inputs = Inputs::open(settings)?;
    levels(settings)?;
    let found = place::look(&settings.out, &inputs.agreement(settings)?, true, settings.force)?;
    let complete = matches!(found, Found::Earlier(record) if record.complete);
    Ok(Survey { rows: inputs.embeddings.rows(), complete })
}

/// config -> inputs -> device -> team -> levels -> folder.
pub(super) fn run(args: KmeansArgs, console: &Console) -> Result<String> {
    let file = args.config.as_deref().map(KmeansOptions::read).transpose()?.unwrap_or_default();
    let settings = args.options.over(file).resolve()?;
    let checkpoints = settings.checkpoint != Checkpoint::Off;
    let made = make(settings, args.shard, args.resume, console);
    let record = made.map_err(|error| if checkpoints { paused(error) } else { error })?;
    Ok(match record {
        // the first process of a team tells what all have done
        None => String::new(),
        Some((record, _)) if args.json => format!("{:#}", serde_json::to_value(&record).unwrap_or_default()),
        Some((record, settings)) => told(&record, &settings),
    })
}

fn make(
    mut settings: KmeansSettings,
    shard: Option<Shard>,
    resume: bool,
    console: &Console,
) -> Result<Option<(KmeansRecord, KmeansSettings)>> {
    interrupt::install_checkpoints();
    settings.out = std::path::absolute(&settings.out)
        .map_err(|e| Error::io("the output folder has no usable path", &settings.out, &e))?;
    let inputs = Inputs::open(&settings)?;
    if settings.force {
        Inputs::apart_from(&settings)?;
    }
    if (inputs.embeddings.dtype(), settings.stored()) == (Dtype::F64, Dtype::F32) {
        let text =
            "the embeddings are float64 and centroids are stored as float32: `dtype: float64` keeps their precision";
        settings.warnings.push(text.to_owned());
    }
    let agreement = inputs.agreement(&settings)?;
    let device = select::open(&Choice::parse(&settings.device), settings.threads)?;
    let info = device.backend.describe();
    tracing::info!("{} [{}, {}]: {}", info.name, info.backend, info.api, device.reason);
    let shard = shard.unwrap_or(Shard { index: 1, of: 1 });
    let mut place = match shard.index {
        1 => Some(Place::open(&settings.out, &agreement, resume, settings.force, inputs.bytes_written(&settings))?),
        _ => None,
    };
    let cancelled = || console.cancelled();
    let team = join(&settings, shard, &agreement, &cancelled)?;
    if let Some(place) = &place {
        place.attach_log(console)?;
        place.write_config(&settings)?;
    }
    settings.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let levels = levels(&settings)?;
    let earlier = place.as_mut().map(|place| std::mem::take(&mut place.earlier)).unwrap_or_default();
    let earlier = still_there(earlier, &levels, &settings.out);
    let record = begun(&settings, &inputs, &info, &agreement, shard.of, &earlier);
    // from now on the folder is known as one that can be gone on with
    place.as_ref().map_or(Ok(()), |place| place.keep(&record))?;
    let record = Mutex::new(record);
    let report = |step: KmeansStep| {
        let mut record = record.lock().unwrap_or_else(PoisonError::into_inner);
        record.steps.push(step);
        place.as_ref().map_or(Ok(()), |place| place.keep(&record))
    };
    let interval = match settings.checkpoint {
        Checkpoint::Every(interval) => Some(interval),
        Checkpoint::Off => None,
    };
    let build = Build {
        points: &EmbeddingPoints { embeddings: &inputs.embeddings, subset: inputs.subset.as_deref() },
        levels: &levels,
        strategy: settings.strategy,
        init: settings.init,
        inits: settings.inits,
        tolerance: settings.tolerance,
        seed: settings.seed,
        stored: settings.stored(),
        backend: device.backend.as_ref(),
        team: team.as_ref(),
        watch: console,
        folder: &settings.out,
        done: &earlier,
        checkpoint: interval.map(|every| (every, agreement.clone())),
        report: &report,
    };
    let built = build.run();
    console.log.detach();
    built?;
    let mut record = record.into_inner().unwrap_or_else(PoisonError::into_inner);
    let Some(place) = place else { return Ok(None) };
    record.complete = true;
    place.keep(&record)?;
    Ok(Some((record, settings)))
}

/// The processes that were started with `--shard`, or this one alone.
fn join<'a>(
    settings: &KmeansSettings,
    shard: Shard,
    agreement: &str,
    cancelled: &'a (dyn Fn() -> bool + Sync),
) -> Result<Box<dyn Team + 'a>> {
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    if shard.of == 1 {
        return Ok(Box::new(Alone));
    }
    tracing::info!("waiting for the other {} of {} processes", shard.of - 1, shard.of);
    let meeting = Meeting {
        folder: &settings.out,
        rank: number(shard.index - 1),
        size: number(shard.of),
        agreement: *blake3::hash(agreement.as_bytes()).as_bytes(),
    };
    Ok(Box::new(Network::join(&meeting, cancelled)?))
}

fn levels(settings: &KmeansSettings) -> Result<Vec<Level>> {
    let level = |(number, level): (u32, &crate::config::LevelSettings)| {
        let clusters = usize::try_from(level.clusters).ok().filter(|&clusters| clusters < u32::MAX as usize);
        let clusters = clusters.ok_or_else(|| {
            let finding = Finding::new("too many clusters").level(number).expected("fewer than 2^32 - 1");
            Error::usage(finding.found(level.clusters.to_string()))
        })?;
        Ok(Level {
            clusters,
            iterations: settings.iterations,
            splits: level.splits,
            steps: level.steps,
            sample_size: level.sample_size,
        })
    };
    (1..).zip(&settings.levels).map(level).collect()
}

/// The record before the first step, or with those of an earlier run.
fn begun(
    settings: &KmeansSettings,
    inputs: &Inputs,
    device: &DeviceInfo,
    agreement: &str,
    processes: u64,
    earlier: &[KmeansStep],
) -> KmeansRecord {
    KmeansRecord {
        format: KmeansRecord::FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect(),
        started: record::rfc3339(SystemTime::now()),
        complete: false,
        agreement: agreement.to_owned(),
        device: format!("{} [{}, {}]", device.name, device.backend, device.api),
        processes,
        settings: settings.recorded(),
        embeddings: settings.embeddings.iter().map(|path| InputFile::of(path)).collect(),
        rows: inputs.embeddings.rows(),
        dim: inputs.embeddings.dim(),
        subset: settings.subset_indices.as_deref().map(InputFile::of),
        steps: earlier.to_vec(),
        warnings: settings.warnings.clone(),
    }
}

fn told(record: &KmeansRecord, settings: &KmeansSettings) -> String {
    let header =
        ["level", "step", "points", "clusters", "empty", "iterations", "first", "last", "all points", "seconds"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    let objective = |value: Option<&f64>| value.map_or("-".to_owned(), |value| format!("{value:.6}"));
    rows.extend(record.steps.iter().map(|step| {
        vec![
            step.level.to_string(),
            step.step.to_string(),
            step.fitted.to_string(),
            step.clusters.to_string(),
            step.empty_clusters.to_string(),
            step.objectives.len().to_string(),
            objective(step.objectives.first()),
            objective(step.objectives.last()),
            objective(Some(&step.mean_squared_distance)),
            format!("{:.1}", step.seconds.iter().sum::<f64>()),
        ]
    }));
    let out = settings.out.display();
    format!(
        "{}\n\nfirst, last: mean squared distance of the points of the step, before the first iteration and before the last; \
         all points: of all points of the level\n\nwritten: {out}\njudge it: clustrata metrics {out}",
        table(&rows)
    )
}
