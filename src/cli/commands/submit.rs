//! `clustrata submit`: submits runs to Slurm, or runs them one after another here.

use crate::base::error::Result;
use crate::batch::submit::{self, Request};
use crate::cli::args::SubmitArgs;

pub(super) fn run(args: &SubmitArgs) -> Result<String> {
    submit::submit(&Request {
        spec: args.spec.clone(),
        dry_run: args.dry_run,
        local: args.local,
        overwrite: args.overwrite,
        retry: args.retry,
        clustering: args.clustering.clone(),
    })
}
