//! `clustrata merge`: adds the parts of a run up and finishes it.

use crate::cli::MergeArgs;
use crate::console::Console;
use crate::error::{Error, Finding, Result};

pub(super) fn run(args: MergeArgs, _console: &Console) -> Result<String> {
    Err(Error::failed(Finding::new("not there yet").file(args.folder)))
}
