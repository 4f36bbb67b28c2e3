//! `clustrata merge`: merges the parts of a run.

use crate::base::error::Result;
use crate::cli::args::MergeArgs;
use crate::cli::console::Console;
use crate::run::merge::{self, Request};

pub(super) fn run(args: MergeArgs, console: &Console) -> Result<String> {
    let MergeArgs { folder, options, remove_parts, json } = args;
    merge::run(Request { folder, options, remove_parts, json }, console)
}
