//! Arguments of `submit`, `status` and `retry`.

use std::num::NonZero;
use std::path::PathBuf;

use clap::Args;

/// Arguments of `submit`.
#[derive(Debug, Args)]
pub struct SubmitArgs {
    /// YAML file with `job_details`, `parameters` and `slurm`: one run, or a sweep (grid of runs)
    #[arg(value_name = "SPEC")]
    pub spec: PathBuf,
    /// Print the scripts and the sbatch lines; write and submit nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Run one after another on this machine, without Slurm
    #[arg(long)]
    pub local: bool,
    /// Start over runs that were submitted before; removes their results and logs
    #[arg(long, conflicts_with = "retry")]
    pub overwrite: bool,
    /// Submit only what failed or is missing of runs that were submitted before
    #[arg(long)]
    pub retry: bool,
    /// Submit only the runs that evaluate this clustering of the spec's `kmeans` block
    #[arg(long, value_name = "DIR")]
    pub clustering: Option<PathBuf>,
}

const STATUS_CODES: &str = "\
Exit codes:
  0    everything is done
  1    something failed, is missing or was never submitted, and nothing runs or waits
  5    everything is done, but a gate of fail_if failed
  75   something still runs or waits: ask again later, or use --watch";

/// Arguments of `status`.
#[derive(Debug, Args)]
#[command(after_help = STATUS_CODES)]
pub struct StatusArgs {
    /// Folder of a run, of a sweep (grid of runs), or of several sweeps
    #[arg(value_name = "OUT")]
    pub folder: PathBuf,
    /// Show the state every so many seconds until nothing runs or waits; into a file, only what changed
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "30", conflicts_with = "json")]
    pub watch: Option<NonZero<u64>>,
    /// Show what became of each combination, with the hours that its jobs took
    #[arg(long, conflicts_with = "json")]
    pub report: bool,
    /// Print as JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `retry`.
#[derive(Debug, Args)]
pub struct RetryArgs {
    /// Folder of a run
    #[arg(value_name = "OUT")]
    pub folder: PathBuf,
    /// Print the sbatch lines; submit nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Submit even if jobs of the run are still queued or running, or if that is unknown
    #[arg(long)]
    pub force: bool,
}
