//! The command line.

mod assign;
mod collect;
mod compare;
mod jobs;
mod kmeans;
mod parts;
mod report;
mod sample;
mod shell;
mod track;

use std::num::NonZero;
use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::metrics::METRICS;
use crate::plan::settings::Options;
pub use assign::AssignArgs;
pub use collect::CollectArgs;
pub use compare::CompareArgs;
pub use jobs::{RetryArgs, StatusArgs, SubmitArgs};
pub use kmeans::KmeansArgs;
pub use parts::{MergeArgs, PartArgs};
pub use report::ReportArgs;
pub use sample::SampleArgs;
pub use shell::{CompletionsArgs, ManArgs};
pub use track::TrackArgs;

/// How good is a hierarchical k-means of image embeddings?
///
/// clustrata evaluates hierarchical clusterings such as those of ssl-data-curation, and makes them. It reads the embeddings once for all levels, computes the
/// distance of every point to its own and to the other centroids on any GPU (Vulkan, Metal, DX12) or on the CPU, and shows
/// the best and worst clusters.
#[derive(Debug, Parser)]
#[command(name = "clustrata", version, propagate_version = true, max_term_width = 110, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What is printed.
    #[command(flatten)]
    pub verbosity: Verbosity,
}

/// What is printed on standard error; results go to standard output and files.
#[derive(Debug, Clone, Default, Args)]
pub struct Verbosity {
    /// Print warnings and errors only
    #[arg(long, short, global = true, conflicts_with = "verbose", help_heading = "Messages")]
    pub quiet: bool,
    /// Print more: what was inferred, chosen and timed
    #[arg(long, short, global = true, help_heading = "Messages")]
    pub verbose: bool,
    /// Print messages as JSON lines
    #[arg(long, global = true, help_heading = "Messages")]
    pub json_log: bool,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Evaluate a clustering: metrics per cluster and level, best and worst clusters as montages
    #[command(after_help = METRICS_EXAMPLES)]
    Metrics(Box<MetricsArgs>),
    /// Make a clustering: hierarchical k-means with resampling, in ssl-data-curation's folder
    Kmeans(Box<KmeansArgs>),
    /// Assign rows to the nearest centroids of a clustering: labels of every level, distances, margins
    Assign(Box<AssignArgs>),
    /// Take a balanced sample of a clustering's points, as ssl-data-curation's curated_datasets
    Sample(SampleArgs),
    /// Merge the parts of a run that `metrics --shard` or `assign --shard` computed, and finish it
    Merge(Box<MergeArgs>),
    /// Run on Slurm: shards as a job array and a merge after it, for one run or a sweep (grid of runs)
    Submit(SubmitArgs),
    /// Show which parts of a submitted run are done, running, failed or missing
    Status(StatusArgs),
    /// Rebuild the report of a finished run from its record and pictures
    Report(ReportArgs),
    /// Resubmit the missing jobs of a run
    Retry(RetryArgs),
    /// Put many runs into one table, with means and deviations across seeds, and plots
    Collect(CollectArgs),
    /// Send a finished run to Weights & Biases or TensorBoard
    Track(TrackArgs),
    /// Compare two runs: metrics, improved and worsened clusters, agreement of the clusterings; gates
    Compare(CompareArgs),
    /// Evaluate the handwritten digits that come with the program
    Demo(DemoArgs),
    /// List the devices, and show which one would be used and why
    Devices(DevicesArgs),
    /// Run every kernel on this device with random data and compare it with float64
    Check(CheckArgs),
    /// Print a shell completion script
    Completions(CompletionsArgs),
    /// Write the manual as man pages
    Man(ManArgs),
}

impl Command {
    /// Whether the output is the requested data, not a summary.
    pub fn prints_data(&self) -> bool {
        match self {
            Command::Metrics(args) => args.json,
            Command::Kmeans(args) => args.json,
            Command::Assign(args) => args.json,
            Command::Sample(args) => args.json,
            Command::Merge(args) => args.json,
            Command::Status(args) => args.json,
            Command::Collect(args) => args.json,
            Command::Demo(args) => args.json,
            Command::Devices(args) => args.json,
            Command::Check(args) => args.json,
            Command::Compare(args) => args.json,
            Command::Completions(_) => true,
            Command::Submit(_) | Command::Retry(_) | Command::Report(_) | Command::Track(_) | Command::Man(_) => false,
        }
    }
}

/// Arguments of `metrics`.
#[derive(Debug, Args)]
pub struct MetricsArgs {
    /// The settings.
    #[command(flatten)]
    pub options: Options,
    /// Which part of the run.
    #[command(flatten)]
    pub part: PartArgs,
    /// YAML file whose keys are the long names of these options; options given here override it
    #[arg(long, short, value_name = "YAML", help_heading = "Input")]
    pub config: Option<PathBuf>,
    /// Print the summary as JSON, also with --quiet
    #[arg(long, help_heading = "Messages")]
    pub json: bool,
}

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Folder to write to; the results of an earlier demo in it are replaced
    #[arg(long, short, value_name = "DIR", default_value = "clustrata-demo")]
    pub out: PathBuf,
    /// As in `metrics`
    #[arg(long, short, value_name = "WHICH", default_value = "auto")]
    pub device: String,
    /// Also write points.parquet, with thumbnails of the digits, and the clusters as Parquet
    #[arg(long)]
    pub parquet: bool,
    /// Print the summary as JSON, also with --quiet
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `devices`.
#[derive(Debug, Args)]
pub struct DevicesArgs {
    /// Time every kernel of the search on made-up data, and keep the fastest for later runs
    #[arg(long)]
    pub tune: bool,
    /// Time those of this device, as in `metrics`
    #[arg(long, short, value_name = "WHICH", default_value = "gpu", requires = "tune")]
    pub device: String,
    /// Print as JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// As in `metrics`
    #[arg(long, short, value_name = "WHICH", default_value = "auto")]
    pub device: String,
    /// As in `metrics`
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZero<usize>>,
    /// As in `metrics`
    #[arg(long)]
    pub no_tuning: bool,
    /// Seed of the random data
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Print as JSON
    #[arg(long)]
    pub json: bool,
}

const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    the run failed (disk, driver, lock), or `check` found a wrong kernel
  2    the command line or the config file is wrong
  3    an input is refused
  4    no usable device
  5    done, but a gate of --fail-if failed
  75   stopped by SIGTERM or SIGUSR1 after a checkpoint, or because another process was lost: resume with the same
       command and --resume
  130  interrupted; nothing is left half-written";

const METRICS_EXAMPLES: &str = "\
Examples:
  clustrata metrics runs/hier --embeddings dino.npy
  clustrata metrics runs/hier --embeddings 'shards/*.npy' --images names.pkl --image-root /data/images
  clustrata metrics runs/hier --embeddings dino.npy --levels 1,2 --distances own --device cpu --out judged
  clustrata metrics --config judge.yaml --force

Use --help for the list of metrics.";

/// Parses the process's command line; prints help, version or usage errors and exits where it must (exit code 2).
pub fn parse() -> Cli {
    let matches = command().try_get_matches().unwrap_or_else(|error| with_nearest_command(error).exit());
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// Of several commands that look like a misspelt one, the error names the most similar alone.
fn with_nearest_command(mut error: clap::Error) -> clap::Error {
    use clap::error::{ContextKind, ContextValue};
    let typed = match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(typed)) => typed.clone(),
        _ => return error,
    };
    let similarity = |name: &String| strsim::jaro_winkler(&typed, name);
    if let Some(ContextValue::Strings(similar)) = error.get(ContextKind::SuggestedSubcommand)
        && let Some(nearest) = similar.iter().max_by(|a, b| similarity(a).total_cmp(&similarity(b))).cloned()
    {
        error.insert(ContextKind::SuggestedSubcommand, ContextValue::String(nearest));
    }
    error
}

/// The command with its generated help.
pub fn command() -> clap::Command {
    let metrics = metrics_help();
    let long = format!("{METRICS_EXAMPLES}\n\n{metrics}");
    Cli::command()
        .mut_subcommand("metrics", |c| c.after_long_help(long.replace("Use --help for the list of metrics.\n\n", "")))
}

/// The list of metrics. "L" marks metrics of levels, "C" metrics of clusters, "*" those that `fast` leaves out.
fn metrics_help() -> String {
    let blank = crate::metrics::level_statistics::LevelStatistics::blank();
    let line = |metric: &&dyn crate::metrics::Metric| {
        let level = if metric.level(&blank).is_some() { 'L' } else { ' ' };
        let cluster = if metric.clusters(&blank).is_some() { 'C' } else { ' ' };
        let slow = if metric.needs().is_empty() { ' ' } else { '*' };
        format!("  {level}{cluster}{slow} {:<25} {}", metric.name(), metric.summary())
    };
    let lines: Vec<String> = METRICS.iter().map(line).collect();
    format!(
        "Metrics (L: of levels, C: of clusters, *: not in `fast`). Distances are Euclidean, in the unit of the embeddings:\n{}",
        lines.join("\n")
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_consistent() {
        super::command().debug_assert();
    }

    #[test]
    fn long_help_lists_every_metric() {
        let mut command = super::command();
        let metrics = command.find_subcommand_mut("metrics").expect("exists");
        let help = metrics.render_long_help().to_string();
        assert!(crate::metrics::METRICS.iter().all(|m| help.contains(m.name())), "{help}");
    }
}
