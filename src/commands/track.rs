//! `clustrata track`: sends a finished run to a tracker; and what `--track` does at the end of a run.

use std::path::Path;

use crate::cli::TrackArgs;
use crate::config::{Tracker, Tracking};
use crate::error::{Error, Finding, Result};
use crate::interrupt;
use crate::output::files::{RECORD, TRACK_LOG};
use crate::record::RunRecord;
use crate::tracking::events;
use crate::tracking::wandb::{self, Target};

/// Seconds that a run waits for a tracker at its end.
const AFTER_A_RUN: u64 = 20;
/// Seconds that `track` waits: it has nothing else to do.
const ALONE: u64 = 600;

pub(super) fn run(args: TrackArgs) -> Result<String> {
    let record = RunRecord::read(&args.folder.join(RECORD)).map_err(Error::input)?;
    let told = serde_json::from_value(record.settings.clone()).unwrap_or_default();
    let seconds = args.tracking.track_seconds;
    let tracking = Tracking { track_seconds: Some(seconds.unwrap_or(ALONE)), ..args.tracking.over(told) };
    let sent = send(&tracking, &record, &args.folder).map_err(Error::failed)?;
    Ok(format!("Weights & Biases: {sent}"))
}

/// Sends a run whose results are in place, where that is asked for. What fails is told, and the run is done all the same.
pub(super) fn after_run(tracking: &Tracking, record: &RunRecord, out: &Path) {
    if tracking.track.unwrap_or(Tracker::None) == Tracker::None {
        return;
    }
    match send(tracking, record, out) {
        Ok(sent) => tracing::info!("Weights & Biases: {sent}"),
        Err(finding) => {
            let text = finding.to_string();
            let one_line: Vec<&str> = text.lines().map(str::trim).collect();
            let again = again(out);
            tracing::warn!("the results are complete, but {}; to send them later: {again}", one_line.join("; "));
        }
    }
}

fn send(tracking: &Tracking, record: &RunRecord, out: &Path) -> Result<String, Finding> {
    let mut told = Vec::new();
    events::write(&mut told, record).map_err(|e| Finding::io("the run can't be told as events", out, &e))?;
    let target = Target {
        project: tracking.track_project.clone(),
        group: tracking.track_group.clone(),
        tags: tracking.track_tags.clone(),
        name: tracking.track_name.clone(),
        default_name: name_of(out),
        seconds: tracking.track_seconds.unwrap_or(AFTER_A_RUN),
    };
    let sent = wandb::send(out, &told, &target, &interrupt::requested);
    if let Ok(log) = std::fs::read_to_string(out.join(TRACK_LOG)) {
        log.lines().for_each(|line| tracing::debug!("{TRACK_LOG}: {line}"));
    }
    sent
}

/// The run's folder; of `metrics` inside a clustering, the clustering's.
fn name_of(out: &Path) -> String {
    let out = std::path::absolute(out).unwrap_or_else(|_| out.to_owned());
    let parent = out.parent().filter(|_| out.file_name().is_some_and(|name| name == "metrics"));
    let name = parent.and_then(Path::file_name).or(out.file_name());
    name.unwrap_or_default().to_string_lossy().into_owned()
}

/// The command that sends a run later, to the run of a sweep that this process was started for.
fn again(out: &Path) -> String {
    let set =
        |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty()).map(|value| format!("{name}={value} "));
    let sweep: String = ["WANDB_SWEEP_ID", "WANDB_RUN_ID"].into_iter().filter_map(set).collect();
    format!("{sweep}clustrata track {}", out.display())
}
