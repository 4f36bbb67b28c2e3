//! `clustrata retry`: submits the missing jobs of a run.

use crate::base::error::Result;
use crate::batch::slurm;
use crate::cli::args::RetryArgs;

pub(super) fn run(args: &RetryArgs) -> Result<String> {
    slurm::retry(&args.folder, args.dry_run, args.force)
}
