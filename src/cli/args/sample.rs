//! Arguments of `sample`.

use std::num::NonZero;
use std::path::PathBuf;

use clap::Args;

use crate::kmeans::sampling::Strategy;

/// Arguments of `sample`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct SampleArgs {
    /// Folder of the hierarchy: level1, level2, ...; or a file of labels as in `metrics --assignments` (several, fine to
    /// coarse, separated by commas)
    #[arg(value_name = "CLUSTERING")]
    pub clustering: PathBuf,
    /// Number of rows to sample
    #[arg(long, value_name = "N")]
    pub target_size: NonZero<u64>,
    /// Most times that a row may be sampled
    #[arg(long, short, value_name = "N", default_value = "1")]
    pub multiplier: NonZero<u64>,
    /// Which points of a level-1 cluster to sample: `r` = random, `c` = closest to its centroid
    #[arg(long, value_name = "WHICH", default_value = "r")]
    pub sampling_strategy: Strategy,
    /// Start from the clusters of this level [default: the top level]
    #[arg(long, value_name = "L")]
    pub level: Option<u32>,
    /// Sample only these rows (.npy of integers). If no subset is known and the file has as many rows as the clustering has
    /// points, it is taken as the subset, like upstream's valid_indices_path
    #[arg(long, alias = "valid-indices-path", value_name = "NPY")]
    pub valid_indices: Option<PathBuf>,
    /// Rows that were clustered (.npy of integers); member j of level 1 is then row subset[j]. Default:
    /// subset_indices_path of the hierarchy's config.yaml
    #[arg(long, alias = "subset-indices-path", value_name = "NPY")]
    pub subset_indices: Option<PathBuf>,
    /// Write the rows in ascending order, not cluster by cluster
    #[arg(long)]
    pub sort_indices: bool,
    /// Columns of labels in a .csv, fine to coarse, as in `metrics`
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub level_columns: Vec<String>,
    /// Also write the paths of the sampled images, from lists as in `metrics --images` [default: the images of the run of
    /// `metrics` in CLUSTERING/metrics, if it had some]
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub images: Vec<PathBuf>,
    /// Folder that relative names of images start from [default: that of the list]
    #[arg(long, value_name = "DIR")]
    pub image_root: Option<PathBuf>,
    /// Column of the images in a .csv or Parquet list [default: path]
    #[arg(long, value_name = "NAME")]
    pub image_column: Option<String>,
    /// Random seed
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Suffix of the file name
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub name_suffix: String,
    /// Folder to write to [default: CLUSTERING/curated_datasets; LABELS-curated_datasets beside a file of labels]
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Replace an earlier selection with the same name
    #[arg(long)]
    pub force: bool,
    /// Accepted for compatibility with upstream: the selection is always written
    #[arg(long, hide = true)]
    pub save: bool,
    /// Print the summary as JSON, also with --quiet
    #[arg(long)]
    pub json: bool,
}

const EXAMPLES: &str = "\
Examples:
  clustrata sample runs/hier --target-size 1000000
  clustrata sample runs/hier --target-size 1000000 --sampling-strategy c --sort-indices
  clustrata sample runs/hier --target-size 50000 --valid-indices safe.npy --name-suffix safe";
