//! Arguments of `compare`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `compare`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CompareArgs {
    /// Folder of a finished run
    #[arg(value_name = "A")]
    pub a: PathBuf,
    /// Folder of the run to compare with it
    #[arg(value_name = "B")]
    pub b: PathBuf,
    /// Show the clusters that changed most by this cluster metric
    #[arg(long, value_name = "METRIC", default_value = "inertia")]
    pub by: String,
    /// Number of improved clusters to show, and of worsened ones
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub top: usize,
    /// Folder of A's clustering. Default: the folder that the run recorded
    #[arg(long, value_name = "DIR")]
    pub clustering_a: Option<PathBuf>,
    /// Folder of B's clustering
    #[arg(long, value_name = "DIR")]
    pub clustering_b: Option<PathBuf>,
    /// Exit with code 5 if this condition is met, or if its metric is undefined, for example
    /// 'delta.level1.silhouette < -0.02', 'b.level1.inertia > 1e6' or 'ari.level1 < 0.8'; may be repeated
    #[arg(long, value_name = "CONDITION")]
    pub fail_if: Vec<String>,
    /// Also write compare.json and compare.csv to this folder
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Also write the comparison as one page: a verdict, metrics, images of the clusters that changed most, where the points
    /// went. Without FILE, it is compare.html in the folder of --out, or here
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    pub html: Option<Option<PathBuf>>,
    /// Replace an earlier comparison in the output folder, and an earlier page
    #[arg(long)]
    pub force: bool,
    /// Print as JSON
    #[arg(long)]
    pub json: bool,
}

const EXAMPLES: &str = "\
Examples:
  clustrata compare runs/old runs/new
  clustrata compare runs/old runs/new --by silhouette --fail-if 'delta.level*.silhouette < -0.02'
  clustrata compare runs/old runs/new --html old-new.html
  clustrata compare runs/seed0 runs/seed1 --fail-if 'ari.level1 < 0.8' --out compared";
