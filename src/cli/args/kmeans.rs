//! Arguments of `kmeans`.

use std::path::PathBuf;

use clap::Args;

use crate::engine::share::Shard;
use crate::plan::settings::KmeansOptions;

/// Arguments of `kmeans`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct KmeansArgs {
    /// YAML file whose keys are these options; ssl-data-curation's config files work too. Options given here override it
    #[arg(value_name = "CONFIG")]
    pub config: Option<PathBuf>,
    /// The settings.
    #[command(flatten)]
    pub options: KmeansOptions,
    /// Resume an interrupted run, or start one if there is none; the results are bit-identical. Complete steps are kept
    #[arg(long, help_heading = "Output")]
    pub resume: bool,
    /// Run as process I of N that share the work, each on its own device. All N run at the same time, on one machine or on
    /// several that share the output folder and reach each other by TCP. Not needed under mpirun or `srun --mpi` in a program
    /// built with the feature `mpi`
    #[arg(long, value_name = "I/N", help_heading = "Device")]
    pub shard: Option<Shard>,
    /// Print the summary as JSON, also with --quiet
    #[arg(long, help_heading = "Messages")]
    pub json: bool,
}

const EXAMPLES: &str = "\
Examples:
  clustrata kmeans configs/4levels.yaml --embeddings-path dino.npy --out runs/hier
  clustrata kmeans --embeddings-path dino.npy --n-clusters 10000,1000,100 --out runs/hier
  clustrata kmeans runs/hier/config.yaml --resume
  clustrata metrics runs/hier";
