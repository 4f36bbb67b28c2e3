//! Arguments of `report`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Folder of a finished run
    #[arg(value_name = "OUT")]
    pub folder: PathBuf,
    /// Write all pictures, at a larger size, to the folder `report` beside the page. By default they are embedded in the
    /// page, as many as fit its size limit
    #[arg(long)]
    pub report_folder: bool,
}
