//! `clustrata collect`: many runs in one table.

use crate::cli::CollectArgs;
use crate::error::{Error, Finding, Result};

pub(super) fn run(args: &CollectArgs) -> Result<String> {
    Err(Error::failed(Finding::new("not there yet").file(args.folders[0].clone())))
}
