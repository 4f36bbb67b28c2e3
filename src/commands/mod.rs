//! One straight-line file per subcommand. Each returns what is printed on standard output.

mod check;
mod collect;
mod compare;
mod demo;
mod devices;
mod finish;
mod gates;
mod merge;
mod metrics;
mod part;
mod retry;
mod status;
mod submit;

use crate::cli::Command;
use crate::console::Console;
use crate::error::Result;

/// Runs a subcommand.
pub fn run(command: Command, console: &Console) -> Result<String> {
    match command {
        Command::Metrics(args) => metrics::run(*args, console),
        Command::Merge(args) => merge::run(*args, console),
        Command::Submit(args) => submit::run(&args, console),
        Command::Status(args) => status::run(&args),
        Command::Retry(args) => retry::run(&args),
        Command::Collect(args) => collect::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Demo(args) => demo::run(args, console),
        Command::Devices(args) => devices::run(&args),
        Command::Check(args) => check::run(&args),
    }
}
