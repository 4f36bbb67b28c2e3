//! Parse, run, exit code.

use std::io::Write;
use std::process::ExitCode;

use clustrata::base::signals;
use clustrata::cli::console::Console;
use clustrata::cli::{args, commands};

/// Mesa's device-select layer prints an error on every listing of adapters where XDG_RUNTIME_DIR is not set, as on a
/// Slurm node. We choose the device ourselves, so the layer has nothing to do here.
fn quiet_the_loader() {
    #[cfg(target_os = "linux")]
    if std::env::var_os("NODEVICE_SELECT").is_none() {
        // SAFETY: nothing else runs yet, so no other thread reads the environment.
        unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    }
}

/// What a command has to say, on standard output.
fn print(report: &str, silent: bool) {
    if !silent && !report.is_empty() {
        // a closed pipe (`| head`) is no failure
        let _ = writeln!(std::io::stdout(), "{}", report.trim_end());
    }
}

fn main() -> ExitCode {
    quiet_the_loader();
    let cli = args::parse();
    let console = Console::install(&cli.verbosity);
    signals::install();
    let silent = cli.verbosity.quiet && !cli.command.prints_data();
    match commands::run(cli.command, &console) {
        Ok(report) => {
            print(&report, silent);
            ExitCode::SUCCESS
        }
        Err(error) => {
            print(error.report().unwrap_or_default(), silent);
            if cli.verbosity.json_log {
                tracing::error!("{error}");
                return ExitCode::from(error.kind().exit_code());
            }
            // where even standard error is closed or full, the exit code still tells
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::from(error.kind().exit_code())
        }
    }
}
