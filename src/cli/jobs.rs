//! Arguments of what runs on Slurm.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `submit`.
#[derive(Debug, Args)]
pub struct SubmitArgs {
    /// YAML file with `job_details`, `parameters` and `slurm`
    #[arg(value_name = "SPEC")]
    pub spec: PathBuf,
    /// Print the scripts and the sbatch lines; write and submit nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Arguments of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Folder of a run
    #[arg(value_name = "OUT")]
    pub folder: PathBuf,
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
    /// Print what would be submitted
    #[arg(long)]
    pub dry_run: bool,
}
