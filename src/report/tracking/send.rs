//! Sends a finished run to the tracker that its settings name.

use std::path::Path;

use super::events;
use super::wandb::{self, Target};
use crate::base::error::{Finding, Result};
use crate::base::signals;
use crate::formats::folder::TRACK_LOG;
use crate::plan::record::RunRecord;
use crate::plan::settings::{Tracker, Tracking};

/// Seconds that a run waits for a tracker at its end.
const AFTER_A_RUN: u64 = 20;

/// Sends a run whose results are in place, where that is asked for. What fails is told, and the run is done all the same.
pub fn after_run(tracking: &Tracking, record: &RunRecord, out: &Path) {
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

/// Sends the run in `out`; the text says where it went.
///
/// # Errors
/// What the tracker said.
pub fn send(tracking: &Tracking, record: &RunRecord, out: &Path) -> Result<String, Finding> {
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
    let sent = wandb::send(out, &told, &target, &signals::requested);
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
