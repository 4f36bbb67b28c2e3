//! Arguments of `report`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Folder of a finished run
    #[arg(value_name = "OUT")]
    pub folder: PathBuf,
    /// Write pictures into the folder `report` beside the page, larger and all of them; without it they are in the page, as
    /// many as keep it small
    #[arg(long)]
    pub report_folder: bool,
}
