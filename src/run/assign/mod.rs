//! Assigns rows to the nearest centroids of a finished clustering: settings -> inputs -> device -> tiles -> arrays -> record.
//!
//! A process writes the results of its rows to the folder of its part. A run in one piece is a single part, whose arrays are
//! moved into place; `merge` joins those of several.

mod finish;
mod inputs;
mod part;
mod pass;
mod survey;
mod tables;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::frontend::Frontend;
use super::session::attach_log;
use crate::backend::select::{self, Choice, Request, Selected};
use crate::base::error::{Error, Finding, Kind, Result};
use crate::base::signals::{self, StopRequest};
use crate::engine::checkpoint_store::paused;
use crate::engine::share::Share;
use crate::formats::folder::{ASSIGNMENT, OutputFolder, PARTS, RECORD, refuse_to_write_into_clustering};
use crate::plan::record::{AssignPart, AssignRecord};
use crate::plan::settings::{AssignOptions, AssignSettings, Checkpoint};
use crate::plan::tuning;
use crate::run::legs::Legs;
use inputs::Inputs;
use part::{Earlier, Part, PartState};
use pass::Assigner;
use survey::Done;

pub use survey::holds_parts;

/// What a process has assigned.
pub enum Assigned {
    /// All rows.
    All(Box<AssignRecord>),
    /// These rows; `merge` joins the parts.
    Part(Range<u64>),
}

/// Assigns all rows, or those of a share.
///
/// # Errors
/// Whatever is wrong with settings, inputs, device or disk; `Paused` after a checkpoint.
pub fn run(options: AssignOptions, share: &Share, resume: bool, frontend: &dyn Frontend) -> Result<Assigned> {
    signals::install_checkpoints();
    let (started, legs) = (SystemTime::now(), Legs::start());
    let settings = options.resolve()?;
    let inputs = Inputs::open(&settings)?;
    inputs.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let fingerprint = inputs.fingerprint(&settings)?;
    let rows = share.rows(inputs.embeddings.rows())?;
    let earlier = match (resume, settings.force) {
        (true, _) => Earlier::Resume,
        (false, true) => Earlier::Discard,
        (false, false) => Earlier::Refuse,
    };
    if resume && let Some(record) = finished(&settings.out, &fingerprint) {
        return Ok(Assigned::All(Box::new(record)));
    }
    let mut legs = legs.over(&rows);
    let begun = begun(&settings, fingerprint, rows.clone());
    if *share != Share::Whole {
        refuse_to_write_into_clustering(&settings.out)?;
        refuse_finished(&settings)?;
        let mut part = Part::open(&settings.out, &inputs, begun, earlier)?;
        assign(&mut part, &inputs, &settings, &mut legs, frontend)?;
        return Ok(Assigned::Part(rows));
    }
    // a run killed while moving its results into place has left some of them
    let interrupted = resume && part::is_begun(&settings.out, &rows) && !settings.out.join(ASSIGNMENT).exists();
    let folder = OutputFolder::prepare_assignment(&settings.out, settings.force || interrupted)?;
    let finished = attach_log(&folder, frontend).and_then(|()| {
        let mut part = Part::open(folder.path(), &inputs, begun, earlier)?;
        assign(&mut part, &inputs, &settings, &mut legs, frontend)?;
        let done = Done { folder: part.path().to_owned(), state: part.state.clone() };
        let record = finish::write(&inputs, &settings, &[done], &folder, (started, &legs))?;
        Ok((record, part))
    });
    frontend.detach_log();
    let (record, mut part) = finished?;
    folder.commit()?;
    part.discard();
    Ok(Assigned::All(Box::new(record)))
}

/// What to merge.
pub struct MergeRequest {
    /// Folder that the parts were written to.
    pub folder: PathBuf,
    /// Settings that replace those of the parts, such as the current paths of inputs.
    pub options: AssignOptions,
    /// Whether to remove the parts afterwards.
    pub remove_parts: bool,
}

/// Joins the parts of an assignment.
///
/// # Errors
/// `Input` where parts are missing, damaged, not complete or of another assignment.
pub fn merge(request: MergeRequest, frontend: &dyn Frontend) -> Result<AssignRecord> {
    let (started, legs) = (SystemTime::now(), Legs::start());
    let parts = survey::complete(&request.folder)?;
    let first = parts.first().ok_or_else(|| Error::input(Finding::new("no part is there").file(&request.folder)))?;
    let of_parts = AssignOptions::of_value(first.state.settings.clone())?;
    let of_parts = AssignOptions { out: None, force: None, ..of_parts };
    let options = AssignOptions { out: Some(request.folder.clone()), ..request.options }.over(of_parts);
    let settings = options.resolve()?;
    let inputs = Inputs::open(&settings)?;
    if inputs.fingerprint(&settings)? != first.state.fingerprint {
        return Err(Error::input(
            Finding::new("the parts were made from other inputs")
                .file(&first.folder)
                .expected("the embeddings and centroids that the parts were made from")
                .hint("restore these files, or assign all rows again with --force"),
        ));
    }
    survey::check_cover(&parts, inputs.embeddings.rows())?;
    let folder = OutputFolder::prepare_assignment(&settings.out, settings.force)?;
    let written = attach_log(&folder, frontend)
        .and_then(|()| finish::write(&inputs, &settings, &parts, &folder, (started, &legs)));
    frontend.detach_log();
    let record = written?;
    folder.commit()?;
    if request.remove_parts {
        for part in &parts {
            std::fs::remove_dir_all(&part.folder)
                .map_err(|e| Error::io("can't remove a merged part", &part.folder, &e))?;
        }
        // parts of another run may be in it
        let _ = std::fs::remove_dir(settings.out.join(PARTS));
    }
    Ok(record)
}

/// Assigns the rows of a part that are not done yet.
fn assign(
    part: &mut Part,
    inputs: &Inputs,
    settings: &AssignSettings,
    legs: &mut Legs,
    frontend: &dyn Frontend,
) -> Result<()> {
    let left = part.rows_left();
    if left.is_empty() && part.state.is_complete() {
        return Ok(());
    }
    let request =
        Request { threads: settings.threads, tuning: tuning::tuning(settings.no_tuning), ..Request::default() };
    let Selected { backend, reason } = select::open(&Choice::parse(&settings.device), &request)?;
    let info = backend.describe();
    tracing::info!("{}: {reason}", info.text());
    legs.use_device(backend.as_ref());
    legs.follow(std::mem::take(&mut part.state.legs));
    part.state.worker.host = gethostname::gethostname().to_string_lossy().into_owned();
    part.state.worker.device = info.text();
    let job = inputs.job(settings.tile_rows.map_or(0, std::num::NonZero::get));
    let tiling = backend.tiling(&job)?;
    let rows = left.end - left.start;
    let progress = frontend.start_stage("assign", rows, inputs.embeddings.row_bytes() as u64);
    let assigner = Assigner {
        inputs,
        backend: backend.as_ref(),
        job: &job,
        tiling,
        nonfinite: settings.nonfinite,
        watch: frontend,
        progress: progress.as_ref(),
    };
    loop {
        let begun = Instant::now();
        let until = interval(settings).map(|interval| begun + interval);
        let (done, outcome) = assigner.run(part.rows_left(), part.sinks(), until);
        part.state.worker.seconds += begun.elapsed().as_secs_f64();
        part.state.legs = legs.all();
        if let Err(error) = outcome {
            return Err(stopped(error, part, done, settings));
        }
        part.state.done += done;
        part.state.worker.counters = backend.traffic();
        part.state.worker.tuning = backend.tuned();
        part.store()?;
        if part.rows_left().is_empty() {
            return Ok(());
        }
    }
}

/// The error with which a part ends after `error`. If the run was asked to pause, the rows that are done are stored first.
fn stopped(error: Error, part: &mut Part, done: u64, settings: &AssignSettings) -> Error {
    if error.kind() == Kind::Input {
        part.discard();
    }
    let pausing = error.kind() == Kind::Interrupted && signals::asked() == StopRequest::Checkpoint;
    if !pausing || settings.checkpoint == Checkpoint::Off {
        return error;
    }
    part.state.done += done;
    match part.store() {
        Ok(()) => paused(),
        Err(failed) => failed,
    }
}

fn interval(settings: &AssignSettings) -> Option<Duration> {
    match settings.checkpoint {
        Checkpoint::Every(interval) => Some(interval),
        Checkpoint::Off => None,
    }
}

/// The state of a part before its first row.
fn begun(settings: &AssignSettings, fingerprint: String, rows: Range<u64>) -> PartState {
    PartState {
        fingerprint,
        settings: serde_json::to_value(settings.clone().absolute()).unwrap_or_default(),
        done: 0,
        worker: AssignPart {
            rows: (rows.start, rows.end),
            host: String::new(),
            device: String::new(),
            seconds: 0.0,
            resumed: 0,
            counters: None,
            tuning: Vec::new(),
        },
        legs: Vec::new(),
        checksums: Default::default(),
    }
}

/// The record in `out`, if it is of this assignment.
fn finished(out: &Path, fingerprint: &str) -> Option<AssignRecord> {
    AssignRecord::of(out).ok().flatten().filter(|record| record.fingerprint == fingerprint)
}

/// Refuses to compute parts beside a finished assignment or run, which a merge would not replace.
fn refuse_finished(settings: &AssignSettings) -> Result<()> {
    let there = [ASSIGNMENT, RECORD].into_iter().find(|name| settings.out.join(name).exists());
    match there {
        Some(name) if !settings.force || name == RECORD => Err(Error::usage(
            Finding::new("the output folder holds a finished run")
                .file(&settings.out)
                .found(name)
                .hint("name another folder with --out, or replace an assignment with --force"),
        )),
        _ => Ok(()),
    }
}
