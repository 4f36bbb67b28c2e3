//! Arguments of `track`.

use std::path::PathBuf;

use clap::Args;

use crate::plan::settings::Tracking;

/// Arguments of `track`.
#[derive(Debug, Args)]
pub struct TrackArgs {
    /// Folder of a finished run
    #[arg(value_name = "OUT")]
    pub folder: PathBuf,
    /// Overrides the tracking settings of the run, which goes to Weights & Biases if neither names a tracker.
    #[command(flatten)]
    pub tracking: Tracking,
}
