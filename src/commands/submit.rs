//! `clustrata submit`: runs on Slurm.

use crate::cli::SubmitArgs;
use crate::console::Console;
use crate::error::{Error, Finding, Result};

pub(super) fn run(args: &SubmitArgs, _console: &Console) -> Result<String> {
    Err(Error::failed(Finding::new("not there yet").file(args.spec.clone())))
}
