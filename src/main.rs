//! Parse, run, exit code.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the one place that prints")]

use std::io::Write;
use std::process::ExitCode;

use clustrata::{cli, commands, console::Console, interrupt};

fn main() -> ExitCode {
    let cli = cli::parse();
    let console = Console::install(&cli.verbosity);
    interrupt::install();
    match commands::run(cli.command, &console) {
        Ok(report) if cli.verbosity.quiet || report.is_empty() => ExitCode::SUCCESS,
        Ok(report) => {
            // a closed pipe (`| head`) is no failure
            let _ = writeln!(std::io::stdout(), "{}", report.trim_end());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(error.kind().exit_code())
        }
    }
}
