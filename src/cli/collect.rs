//! Arguments of `collect`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `collect`.
#[derive(Debug, Args)]
pub struct CollectArgs {
    /// Folders of runs, or folders that hold them at any depth
    #[arg(value_name = "DIR", required = true)]
    pub folders: Vec<PathBuf>,
}
