//! `clustrata track`: sends a finished run, or a finished k-means, to a tracker.

use serde_json::Value;

use crate::base::error::{Error, Finding, Result};
use crate::cli::args::TrackArgs;
use crate::formats::folder::RECORD;
use crate::plan::record::{KmeansRecord, RunRecord};
use crate::plan::settings::{Tracker, Tracking};
use crate::report::tracking;

/// Default time limit of `track` in seconds. Long, because it has nothing else to do.
const ALONE: u64 = 600;

pub(super) fn run(args: TrackArgs) -> Result<String> {
    let folder = &args.folder;
    if args.tracking.track == Some(Tracker::None) {
        let finding = Finding::new("`track` has no tracker to send to").found("--track none");
        return Err(Error::usage(finding.expected("--track wandb or --track tensorboard")));
    }
    let patient = |recorded: &Value| {
        let recorded = serde_json::from_value(recorded.clone()).unwrap_or_default();
        let seconds = args.tracking.track_seconds;
        Tracking { track_seconds: Some(seconds.unwrap_or(ALONE)), ..args.tracking.clone().over(recorded) }
    };
    let kmeans = if folder.join(RECORD).exists() { None } else { KmeansRecord::of(folder).map_err(Error::input)? };
    let sent = match kmeans {
        Some(record) if !record.complete => {
            let finding = Finding::new("the k-means is not complete, so it can't be sent").file(folder);
            return Err(Error::input(finding.hint("resume it, then send it")));
        }
        Some(record) => tracking::send_kmeans(&patient(&record.settings), &record, folder),
        None => {
            let record = RunRecord::read(&folder.join(RECORD)).map_err(Error::input)?;
            tracking::send(&patient(&record.settings), &record, folder)
        }
    };
    sent.map_err(Error::failed)
}
