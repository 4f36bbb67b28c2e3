//! One straight-line file per subcommand. Each returns the text for standard output: a summary, or data. Data (with --json,
//! and from commands that only produce text) is printed even with --quiet.

mod answer;
mod assign;
mod check;
mod collect;
mod compare;
mod completions;
mod demo;
mod devices;
mod kmeans;
mod merge;
mod metrics;
mod report;
mod retry;
mod sample;
mod sample_names;
mod status;
mod submit;
mod track;

use crate::base::error::Result;
use crate::cli::args::Command;
use crate::cli::console::Console;
pub use answer::Answer;

/// Runs a subcommand.
pub fn run(command: Command, console: &Console) -> Result<Answer> {
    let text = match command {
        // its exit code tells the state
        Command::Status(args) => return status::run(&args),
        Command::Metrics(args) => metrics::run(*args, console),
        Command::Kmeans(args) => kmeans::run(*args, console),
        Command::Assign(args) => assign::run(*args, console),
        Command::Sample(args) => sample::run(&args),
        Command::Merge(args) => merge::run(*args, console),
        Command::Report(args) => report::run(&args),
        Command::Submit(args) => submit::run(&args),
        Command::Retry(args) => retry::run(&args),
        Command::Collect(args) => collect::run(&args),
        Command::Track(args) => track::run(args),
        Command::Compare(args) => compare::run(&args),
        Command::Demo(args) => demo::run(args, console),
        Command::Devices(args) => devices::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Completions(args) => completions::completions(&args),
        Command::Man(args) => completions::man(&args),
    }?;
    Ok(Answer { text, exit_code: 0 })
}
