//! `clustrata status`: the state of a submitted run, or of a sweep.

use crate::base::error::Result;
use crate::batch::slurm;
use crate::cli::args::StatusArgs;

pub(super) fn run(args: &StatusArgs) -> Result<String> {
    slurm::status_of_folder(&args.folder, args.json)
}
