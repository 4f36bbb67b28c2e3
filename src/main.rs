//! Parse, run, exit code.

use std::io::Write;
use std::process::ExitCode;

use clustrata::base::signals;
use clustrata::base::terminal::Colour;
use clustrata::cli::console::{Console, terminal};
use clustrata::cli::{args, commands};

/// Without XDG_RUNTIME_DIR, as on a Slurm node, Mesa's device-select layer prints an error whenever adapters are listed.
/// We choose the device ourselves and don't need the layer.
fn disable_device_select_layer() {
    #[cfg(target_os = "linux")]
    if std::env::var_os("NODEVICE_SELECT").is_none() {
        // SAFETY: no other thread exists yet that could read the environment.
        unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    }
}

/// Prints a command's result on standard output.
fn print(report: &str, silent: bool) {
    if !silent && !report.is_empty() {
        // a closed pipe (`| head`) is not an error
        let _ = writeln!(std::io::stdout(), "{}", report.trim_end());
    }
}

/// Errors with their first word in red.
fn coloured(errors: &str, colours: bool) -> String {
    let line = |line: &str| match line.strip_prefix("error:") {
        Some(rest) if colours => Colour::Red.paint("error:") + rest,
        _ => line.to_owned(),
    };
    errors.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn main() -> ExitCode {
    disable_device_select_layer();
    let cli = args::parse();
    let console = Console::install(&cli.verbosity);
    signals::install();
    let silent = cli.verbosity.quiet && !cli.command.prints_data();
    match commands::run(cli.command, &console) {
        Ok(answer) => {
            print(&answer.text, silent);
            ExitCode::from(answer.exit_code)
        }
        Err(error) => {
            print(error.report().unwrap_or_default(), silent);
            if cli.verbosity.json_log {
                tracing::error!("{error}");
            } else {
                let text = coloured(&error.to_string(), terminal::errors_have_colours());
                // if standard error is closed, the exit code still reports the failure
                let _ = writeln!(std::io::stderr(), "{text}");
            }
            ExitCode::from(error.kind().exit_code())
        }
    }
}
