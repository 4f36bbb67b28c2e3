//! `clustrata merge`: merges the parts of a run, or of an assignment.

use super::assign::summary;
use crate::base::error::Result;
use crate::cli::args::MergeArgs;
use crate::cli::console::Console;
use crate::plan::settings::AssignOptions;
use crate::run::assign::{self, MergeRequest};
use crate::run::merge::{self, Request};

pub(super) fn run(args: MergeArgs, console: &Console) -> Result<String> {
    let MergeArgs { folder, options, remove_parts, json } = args;
    if !assign::holds_parts(&folder) {
        return merge::run(Request { folder, options, remove_parts, json }, console);
    }
    let options = AssignOptions {
        clustering: options.clustering,
        embeddings: options.embeddings,
        force: options.force,
        ..AssignOptions::default()
    };
    let record = assign::merge(MergeRequest { folder: folder.clone(), options, remove_parts }, console)?;
    Ok(summary(&record, &folder, json))
}
