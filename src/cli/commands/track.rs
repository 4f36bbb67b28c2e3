//! `clustrata track`: sends a finished run to a tracker.

use crate::base::error::{Error, Result};
use crate::cli::args::TrackArgs;
use crate::formats::folder::RECORD;
use crate::plan::record::RunRecord;
use crate::plan::settings::Tracking;
use crate::report::tracking;

/// Default time limit of `track` in seconds. Long, because it has nothing else to do.
const ALONE: u64 = 600;

pub(super) fn run(args: TrackArgs) -> Result<String> {
    let record = RunRecord::read(&args.folder.join(RECORD)).map_err(Error::input)?;
    let recorded = serde_json::from_value(record.settings.clone()).unwrap_or_default();
    let seconds = args.tracking.track_seconds;
    let tracking = Tracking { track_seconds: Some(seconds.unwrap_or(ALONE)), ..args.tracking.over(recorded) };
    let sent = tracking::send(&tracking, &record, &args.folder).map_err(Error::failed)?;
    Ok(format!("Weights & Biases: {sent}"))
}
