//! Runs Slurm's commands with a time limit.

use std::io::{self, ErrorKind};
use std::process::{Command, Output};
use std::time::Duration;

use crate::base::process::{self, Limits};

/// A controller that takes longer counts as down. Slurm's own commands would wait for minutes.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// As [`Command::output`], for a command that ends within [`TIME_LIMIT`].
///
/// # Errors
/// `NotFound` if the program is not on this machine; `TimedOut` if it took too long and was killed.
pub(super) fn output(command: &mut Command) -> io::Result<Output> {
    process::output(command, Limits::within(TIME_LIMIT))
}

/// The message for an error of [`output`]. It begins with the program's name.
pub(super) fn failure(program: &str, error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => format!("{program} is not on this machine"),
        ErrorKind::TimedOut => format!("{program} did not answer in {} s", TIME_LIMIT.as_secs()),
        _ => format!("{program} can't be run: {error}"),
    }
}
