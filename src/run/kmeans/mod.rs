//! From embeddings to the hierarchy.

mod company;
mod fitted;
mod inputs;
mod place;
mod replaced;
mod scratch;

use std::sync::{Mutex, PoisonError};

use super::frontend::Frontend;
use crate::backend::DeviceInfo;
use crate::backend::select::{self, Choice, Request};
use crate::base::error::{Error, Finding, Kind, Result};
use crate::base::matrix::Dtype;
use crate::base::signals;
use crate::base::time::now;
use crate::engine::points::EmbeddingPoints;
use crate::engine::share::Shard;
use crate::kmeans::{Build, Communicator, Level, still_there};
use crate::plan::record::{InputFile, KmeansRecord, KmeansStep, Leg};
use crate::plan::settings::{Checkpoint, KmeansSettings};
use crate::plan::tuning;
use crate::run::legs::Legs;
use company::Company;
use inputs::Inputs;
use place::{Found, Place};
pub use replaced::LOG;

/// State of a clustering before anything is computed.
pub struct Survey {
    /// Rows of the embeddings.
    pub rows: u64,
    /// Whether it is complete, with these settings and inputs.
    pub complete: bool,
}

/// Opens all inputs, without a device, and looks into the output folder.
///
/// # Errors
/// As `--resume` would refuse to start or to resume.
pub fn survey(settings: &KmeansSettings) -> Result<Survey> {
    let inputs = Inputs::open(settings)?;
    levels(settings)?;
    let found = place::look(&settings.out, &inputs.agreement(settings)?, true, settings.force)?;
    let complete = matches!(found, Found::Earlier(record) if record.complete);
    Ok(Survey { rows: inputs.embeddings.rows(), complete })
}

/// Makes a clustering: settings -> inputs -> device -> communicator -> levels -> folder. The first process returns the record, the
/// others `None`.
///
/// # Errors
/// Whatever is wrong with settings, inputs, device or disk; `Paused` after a checkpoint.
pub fn make(
    mut settings: KmeansSettings,
    shard: Option<Shard>,
    resume: bool,
    frontend: &dyn Frontend,
) -> Result<Option<(KmeansRecord, KmeansSettings)>> {
    signals::install_checkpoints();
    let mut legs = Legs::start();
    let company = Company::of(shard)?;
    let shard = company.shard();
    // srun writes the messages of all processes to one log
    let _named = (shard.of > 1).then(|| tracing::info_span!("process", number = shard.index, of = shard.of).entered());
    settings.out = std::path::absolute(&settings.out)
        .map_err(|e| Error::io("the output folder has no usable path", &settings.out, &e))?;
    let mut inputs = Inputs::open(&settings)?;
    if settings.force {
        Inputs::apart_from(&settings)?;
    }
    if (inputs.embeddings.dtype(), settings.stored()) == (Dtype::F64, Dtype::F32) {
        let text =
            "the embeddings are float64 and centroids are stored as float32: `dtype: float64` keeps their precision";
        settings.warnings.push(text.to_owned());
    }
    match (settings.normalize, settings.spherical) {
        (true, true) => tracing::info!("rows and centroids are divided by their norms (spherical k-means)"),
        (true, false) => tracing::info!("rows are divided by their norms"),
        _ => {}
    }
    settings.warnings.extend(inputs.embeddings.notes());
    let agreement = inputs.agreement(&settings)?;
    let request =
        Request { threads: settings.threads, tuning: tuning::tuning(settings.no_tuning), ..Request::default() };
    let device = select::open(&Choice::parse(&settings.device), &request)?;
    let info = device.backend.describe();
    legs.use_device(device.backend.as_ref());
    tracing::info!("{}: {}", info.text(), device.reason);
    let open = || {
        let bytes = inputs.bytes_written(&settings);
        Place::open(&settings.out, &agreement, (resume, settings.force), bytes)
    };
    let mut place = if shard.index == 1 { Some(open()?) } else { None };
    let cancelled = || frontend.cancelled();
    let communicator = company.join(&settings, &agreement, &cancelled)?;
    if let Some(place) = &place {
        place.attach_log(frontend)?;
        place.write_config(&settings)?;
    }
    if shard.index == 1 {
        settings.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    }
    let levels = levels(&settings)?;
    // after joining: copying can take longer than the others wait for a process to appear
    let staged = scratch::stage(&mut settings, &mut inputs, device.backend.as_ref(), shard);
    let staged = staged.map(|staging| legs.use_scratch(staging));
    let points = EmbeddingPoints { embeddings: &inputs.embeddings, subset: inputs.subset.as_deref() };
    let earlier = place.as_mut().map(|place| std::mem::take(&mut place.earlier)).unwrap_or_default();
    legs.follow(place.iter().flat_map(|place| place.legs.clone()));
    let earlier = still_there(earlier, &levels, &settings.out);
    let mut record = begun(&settings, &inputs, &info, &agreement, shard.of, &earlier);
    record.provenance = Some(legs.provenance());
    // from here on the folder can be resumed
    place.as_ref().map_or(Ok(()), |place| place.keep(&record))?;
    let record = Mutex::new(record);
    let report = |step: KmeansStep| {
        let mut record = record.lock().unwrap_or_else(PoisonError::into_inner);
        record.steps.push(step);
        record.provenance = Some(legs.provenance());
        place.as_ref().map_or(Ok(()), |place| place.keep(&record))
    };
    let interval = match settings.checkpoint {
        Checkpoint::Every(interval) => Some(interval),
        Checkpoint::Off => None,
    };
    let build = Build {
        points: &points,
        fitted: inputs.fitted.as_deref(),
        levels: &levels,
        strategy: settings.strategy,
        init: settings.init,
        inits: settings.inits,
        tolerance: settings.tolerance,
        spherical: settings.spherical,
        seed: settings.seed,
        stored: settings.stored(),
        backend: device.backend.as_ref(),
        communicator: communicator.as_ref(),
        watch: frontend,
        folder: &settings.out,
        done: &earlier,
        checkpoint: interval.map(|every| (every, agreement.clone())),
        report: &report,
    };
    let built = staged.and_then(|()| build.run());
    if built.as_ref().is_err_and(|error| !matches!(error.kind(), Kind::Paused | Kind::Interrupted)) {
        communicator.leave();
    }
    frontend.detach_log();
    let mut record = record.into_inner().unwrap_or_else(PoisonError::into_inner);
    if built.is_ok() {
        legs.follow(of_others(communicator.as_ref(), &legs));
    }
    record.provenance = Some(legs.provenance());
    if let Some(place) = &mut place {
        if built.is_err() {
            // for the process that resumes
            place.keep(&record).unwrap_or_else(|error| tracing::warn!("{error}"));
        }
        place.end(built.as_ref().err());
    }
    built?;
    communicator.finish();
    let Some(place) = place else { return Ok(None) };
    record.warnings.extend(record.steps.iter().filter_map(warn_of_empty));
    record.tuning = device.backend.tuned();
    record.complete = true;
    place.finish(&record)?;
    Ok(Some((record, settings)))
}

/// The legs of the other processes, which the first process receives from them.
fn of_others(communicator: &dyn Communicator, legs: &Legs) -> Vec<Leg> {
    if communicator.size() == 1 {
        return Vec::new();
    }
    let own = serde_json::to_vec(&legs.own()).unwrap_or_default();
    match communicator.gather(own) {
        Ok(all) => all.iter().skip(1).filter_map(|leg| serde_json::from_slice(leg).ok()).collect(),
        Err(error) => {
            // the clustering is complete without them
            tracing::warn!("the record does not say what the other processes took: {error}");
            Vec::new()
        }
    }
}

/// Warns of empty clusters of a step, with the reason if it is known.
fn warn_of_empty(step: &KmeansStep) -> Option<String> {
    if step.empty_clusters == 0 {
        return None;
    }
    let why = match step.distinct_points {
        Some(1) => ": all points are equal".to_owned(),
        Some(distinct) => format!(": there are only {distinct} distinct points"),
        None => String::new(),
    };
    let verb = if step.empty_clusters == 1 { "is" } else { "are" };
    let (level, number) = (step.level, step.step);
    let text = format!(
        "level {level}, step {number}: {} of {} clusters {verb} empty{why}",
        step.empty_clusters, step.clusters
    );
    tracing::warn!("{text}");
    Some(text)
}

fn levels(settings: &KmeansSettings) -> Result<Vec<Level>> {
    let level = |(number, level): (u32, &crate::plan::settings::LevelSettings)| {
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
        started: now(),
        provenance: None,
        complete: false,
        fingerprint: agreement.to_owned(),
        device: device.text(),
        tuning: Vec::new(),
        processes,
        settings: settings.recorded(),
        embeddings: inputs.embeddings.files().iter().zip(&settings.embeddings).map(InputFile::of_embeddings).collect(),
        patterns: inputs.embeddings.matched(&settings.matches),
        rows: inputs.embeddings.rows(),
        dim: inputs.embeddings.dim(),
        subset: settings.subset_indices.as_deref().map(InputFile::of),
        steps: earlier.to_vec(),
        warnings: settings.warnings.clone(),
    }
}
