//! Arguments of `collect`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `collect`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CollectArgs {
    /// Folders of runs, or folders that hold them at any depth
    #[arg(value_name = "DIR", required = true)]
    pub folders: Vec<PathBuf>,
    /// Folder to write to
    #[arg(long, short, value_name = "DIR", default_value = "collected")]
    pub out: PathBuf,
    /// Replace the tables and plots of an earlier collection in the output folder
    #[arg(long)]
    pub force: bool,
    /// Also write groups.csv: mean, standard deviation (n - 1) and count of every metric over the runs that share
    /// these settings, for example --group-by clustering,silhouette
    #[arg(long, value_name = "SETTINGS", value_delimiter = ',')]
    pub group_by: Vec<String>,
    /// Plot every metric over this setting, with a colour per group of --group-by; runs that differ otherwise count as
    /// repeats. Default: the first of --group-by, or the only setting that differs
    #[arg(long, value_name = "SETTING")]
    pub plot_over: Option<String>,
    /// Put all settings into the table, not only those that differ between runs
    #[arg(long)]
    pub all_settings: bool,
    /// Also write runs.parquet
    #[arg(long)]
    pub parquet: bool,
    /// Print the tables as JSON
    #[arg(long)]
    pub json: bool,
    /// Skip damaged or unreadable records, with a warning
    #[arg(long)]
    pub skip_damaged: bool,
}

const EXAMPLES: &str = "\
Examples:
  clustrata collect runs/silhouettes
  clustrata collect runs/* --group-by clustering --plot-over clustering --out tables
  clustrata collect runs --group-by silhouette,clustering --json --force";
