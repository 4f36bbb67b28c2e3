//! `clustrata metrics`: evaluates a clustering, or a part of it.

use crate::base::error::Result;
use crate::cli::args::MetricsArgs;
use crate::cli::console::Console;
use crate::engine::share::Share;
use crate::plan::settings::{Checkpoint, Options};
use crate::run::{part, session};

pub(super) fn run(args: MetricsArgs, console: &Console) -> Result<String> {
    let file = args.config.as_deref().map(Options::read).transpose()?.unwrap_or_default();
    let options = args.options.over(file);
    let checkpoints = options.checkpoint != Some(Checkpoint::Off);
    let outcome = match args.part.share() {
        Share::Whole => session::evaluate(options, args.part.resume, args.json, console),
        share => part::run(options, &share, args.part.resume, args.json, console),
    };
    outcome.map_err(|error| if checkpoints { session::interrupted_as_paused(error) } else { error })
}
