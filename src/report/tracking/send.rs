//! Sends a finished run to the tracker that its settings name.

use std::path::Path;

use super::python::{self, Target};
use super::{events, kmeans_events, trackers};
use crate::base::error::{Finding, Result};
use crate::base::signals;
use crate::formats::folder::TRACK_LOG;
use crate::formats::npy::shell_word;
use crate::plan::record::{KmeansRecord, RunRecord};
use crate::plan::settings::{Tracker, Tracking};

/// Default time limit of a tracker, in seconds.
const TIME_LIMIT: u64 = 20;

/// Sends a complete run to its tracker, if its settings name one. A failure is logged as a warning; the run succeeds.
pub fn send_after_run(tracking: &Tracking, record: &RunRecord, out: &Path) {
    after(tracking, out, || send(tracking, record, out));
}

/// The same for a complete k-means.
pub fn send_after_kmeans(tracking: &Tracking, record: &KmeansRecord, out: &Path) {
    after(tracking, out, || send_kmeans(tracking, record, out));
}

fn after(tracking: &Tracking, out: &Path, send: impl Fn() -> Result<String, Finding>) {
    let Some(tracker) = tracking.track.filter(|tracker| *tracker != Tracker::None) else { return };
    match send() {
        Ok(sent) => tracing::info!("{sent}"),
        Err(finding) => {
            let text = finding.to_string();
            let one_line: Vec<&str> = text.lines().map(str::trim).collect();
            let command = later(tracker, out);
            tracing::warn!("the results are complete, but {}; to send them later: {command}", one_line.join("; "));
        }
    }
}

/// Sends the run in `out` to its tracker, or to Weights & Biases if it has none. Returns where it went, in words.
///
/// # Errors
/// The reason why it was not sent.
pub fn send(tracking: &Tracking, record: &RunRecord, out: &Path) -> Result<String, Finding> {
    let mut lines = Vec::new();
    events::write(&mut lines, record).map_err(|e| Finding::io("the run can't be written as events", out, &e))?;
    // a clustering and the runs that judge it belong together
    let group = record.kmeans.as_ref().map(|_| folder_name(&record.inputs.clustering));
    deliver(tracking, out, &lines, group)
}

/// Sends the k-means that wrote the clustering in `out`.
///
/// # Errors
/// The reason why it was not sent.
pub fn send_kmeans(tracking: &Tracking, record: &KmeansRecord, out: &Path) -> Result<String, Finding> {
    let mut lines = Vec::new();
    kmeans_events::write(&mut lines, record)
        .map_err(|e| Finding::io("the k-means can't be written as events", out, &e))?;
    deliver(tracking, out, &lines, Some(folder_name(out)))
}

fn deliver(tracking: &Tracking, out: &Path, lines: &[u8], group: Option<String>) -> Result<String, Finding> {
    let sdk = trackers::sdk(tracking.track);
    let target = Target {
        project: tracking.track_project.clone(),
        group: tracking.track_group.clone(),
        default_group: group,
        tags: tracking.track_tags.clone(),
        name: tracking.track_name.clone(),
        default_name: name_of(out),
        seconds: tracking.track_seconds.unwrap_or(TIME_LIMIT),
    };
    let sent = python::send(sdk, out, lines, &target, &signals::requested);
    if let Ok(log) = std::fs::read_to_string(out.join(TRACK_LOG)) {
        log.lines().for_each(|line| tracing::debug!("{TRACK_LOG}: {line}"));
    }
    sent.map(|sent| format!("{}: {sent}", sdk.label))
}

/// The name of a folder, however its path is written.
fn folder_name(folder: &Path) -> String {
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The name of the run's folder; for a folder `metrics` inside a clustering, the name of the clustering.
fn name_of(out: &Path) -> String {
    let out = std::path::absolute(out).unwrap_or_else(|_| out.to_owned());
    let parent = out.parent().filter(|_| out.file_name().is_some_and(|name| name == "metrics"));
    let name = parent.and_then(Path::file_name).or(out.file_name());
    name.unwrap_or_default().to_string_lossy().into_owned()
}

/// The command that sends a run later; `track` knows the tracker from the record. Inside a W&B sweep, it names the sweep's
/// run.
fn later(tracker: Tracker, out: &Path) -> String {
    let set =
        |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty()).map(|value| format!("{name}={value} "));
    let variables = ["WANDB_SWEEP_ID", "WANDB_RUN_ID"].into_iter().filter(|_| tracker == Tracker::Wandb);
    let sweep: String = variables.filter_map(set).collect();
    format!("{sweep}clustrata track {}", shell_word(out))
}
