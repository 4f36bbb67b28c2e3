//! One straight-line file per subcommand. Each returns what is printed on standard output.

mod check;
mod demo;
mod devices;
mod metrics;

use crate::cli::Command;
use crate::console::Console;
use crate::error::Result;

/// Runs a subcommand.
pub fn run(command: Command, console: &Console) -> Result<String> {
    match command {
        Command::Metrics(args) => metrics::run(*args, console),
        Command::Demo(args) => demo::run(args, console),
        Command::Devices(args) => devices::run(&args),
        Command::Check(args) => check::run(&args),
    }
}
