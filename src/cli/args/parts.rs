//! Arguments of runs in parts.

use std::path::PathBuf;

use clap::Args;

use crate::engine::share::{RowRange, Shard, Share};
use crate::plan::settings::Options;

/// Which part of a run a process does, and whether it goes on with an earlier one.
#[derive(Debug, Clone, Default, Args)]
pub struct PartArgs {
    /// Do part I of N (rows in nearly equal ranges) and write what it contributes below OUT/parts; `merge OUT` adds the
    /// parts up. Where figures need all parts' first results, run the same command again once those are there
    #[arg(long, value_name = "I/N", conflicts_with = "rows", help_heading = "Parts")]
    pub shard: Option<Shard>,
    /// As --shard, with the rows from A up to and without B
    #[arg(long, value_name = "A..B", help_heading = "Parts")]
    pub rows: Option<RowRange>,
    /// Go on from the last checkpoint of an interrupted run, or begin where there is none; the results have the same bits.
    /// What is complete already is left as it is
    #[arg(long, help_heading = "Parts")]
    pub resume: bool,
}

impl PartArgs {
    /// The rows that are meant.
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
    /// Settings that replace those of the parts: where inputs lie now, the device, montages.
    #[command(flatten)]
    pub options: Options,
    /// Remove the parts once they are merged
    #[arg(long, help_heading = "Parts")]
    pub remove_parts: bool,
    /// Print the summary as JSON, also with --quiet
    #[arg(long, help_heading = "Messages")]
    pub json: bool,
}
