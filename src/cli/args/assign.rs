//! Arguments of `assign`.

use std::path::PathBuf;

use clap::Args;

use super::PartArgs;
use crate::plan::settings::AssignOptions;

/// Arguments of `assign`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct AssignArgs {
    /// The settings.
    #[command(flatten)]
    pub options: AssignOptions,
    /// Which part of the rows.
    #[command(flatten)]
    pub part: PartArgs,
    /// YAML file whose keys are the long names of these options; options given here override it
    #[arg(long, short, value_name = "YAML", help_heading = "Input")]
    pub config: Option<PathBuf>,
    /// Print assign.json, also with --quiet
    #[arg(long, help_heading = "Messages")]
    pub json: bool,
}

const EXAMPLES: &str = "\
A row's label on level 1 is its nearest centroid (Euclidean; of equally near ones, the lowest index), and above it the parent
in the hierarchy. Centroids of empty clusters take part. The margin is the distance to the second nearest centroid minus the
distance to the nearest: 0 halfway between two clusters.

Examples:
  clustrata assign runs/hier --embeddings new.npy --out assigned
  clustrata assign runs/hier --embeddings 'new/*.npy' --each-level --format parquet
  clustrata assign --centroids faiss-centroids.npy --embeddings new.npy --nonfinite skip
  clustrata assign runs/hier --embeddings new.npy --shard 1/8     # and 2/8 ... 8/8, on any machines; then:
  clustrata merge assigned";
