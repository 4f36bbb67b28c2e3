//! Arguments of runs in parts.

use std::path::PathBuf;

use clap::Args;

use crate::engine::share::{RowRange, Shard, Share};
use crate::plan::settings::Options;

/// Which part of a run this process computes, and whether it resumes an earlier one.
#[derive(Debug, Clone, Default, Args)]
pub struct PartArgs {
    /// Compute part I of N (nearly equal ranges of rows) and write its results below OUT/parts; `merge OUT` joins the parts.
    /// Some metrics need a second round of the same commands, once all parts exist: the run says so
    #[arg(long, value_name = "I/N", conflicts_with = "rows", help_heading = "Parts")]
    pub shard: Option<Shard>,
    /// As --shard, for the rows from A (inclusive) to B (exclusive)
    #[arg(long, value_name = "A..B", help_heading = "Parts")]
    pub rows: Option<RowRange>,
    /// Resume from the last checkpoint of an interrupted run, or start if there is none; the results have the same bits.
    /// Complete results are left unchanged
    #[arg(long, help_heading = "Parts")]
    pub resume: bool,
}

impl PartArgs {
    /// The rows that the arguments select.
    pub fn share(&self) -> Share {
        match (self.shard, &self.rows) {
            (Some(shard), _) => Share::Shard(shard),
            (None, Some(rows)) => Share::Rows(rows.clone()),
            (None, None) => Share::Whole,
        }
    }
}

/// Arguments of `merge`.
#[derive(Debug, Args)]
pub struct MergeArgs {
    /// Folder that the parts were written to
    #[arg(value_name = "OUT")]
    pub folder: PathBuf,
    /// Settings that replace those of the parts: the current paths of inputs, the device, montages.
    #[command(flatten)]
    pub options: Options,
    /// Remove the parts once they are merged
    #[arg(long, help_heading = "Parts")]
    pub remove_parts: bool,
    /// Print the summary as JSON, also with --quiet
    #[arg(long, help_heading = "Messages")]
    pub json: bool,
}
