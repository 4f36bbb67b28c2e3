//! `clustrata completions` and `clustrata man`, from the same definitions as the command line.

use std::io::ErrorKind;

use clap::Command;
use clap::builder::PossibleValuesParser;

use crate::base::error::{Error, Finding, Result};
use crate::cli::args::{self, CompletionsArgs, ManArgs};
use crate::metrics;

/// The name of the executable.
const PROGRAM: &str = "clustrata";

/// A script for a shell.
pub(super) fn completions(args: &CompletionsArgs) -> Result<String> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut with_values(args::command()), PROGRAM, &mut script);
    String::from_utf8(script)
        .map_err(|e| Error::failed(Finding::new("the completions are not UTF-8").found(e.to_string())))
}

/// The command with the usual values of options that take text. The command line itself takes more: several metrics joined by
/// commas, and any part of a device's name.
fn with_values(mut command: Command) -> Command {
    let names: Vec<&str> = metrics::METRICS.iter().map(|metric| metric.name()).collect();
    let of_clusters: Vec<&str> = metrics::of_clusters().map(|metric| metric.name()).collect();
    let values = [
        ("metrics", [&["all", "fast"], &names[..]].concat()),
        ("rank_by", of_clusters),
        ("device", vec!["auto", "gpu", "cpu"]),
    ];
    let subcommands: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    for name in subcommands {
        command = command.mut_subcommand(name, |mut c| {
            for (option, values) in &values {
                if c.get_arguments().any(|arg| arg.get_id() == option) {
                    c = c.mut_arg(option, |arg| arg.value_parser(PossibleValuesParser::new(values.clone())));
                }
            }
            c
        });
    }
    command
}

/// A page for the program and for each subcommand, in section 1.
pub(super) fn man(args: &ManArgs) -> Result<String> {
    let folder = &args.folder;
    let unwritable = |e: std::io::Error| match e.kind() {
        ErrorKind::AlreadyExists | ErrorKind::NotADirectory => {
            Error::usage(Finding::new("the path for the manual is not a folder").file(folder).found(e.to_string()))
        }
        _ => Error::io("can't write the manual", folder, &e),
    };
    std::fs::create_dir_all(folder).map_err(unwritable)?;
    // pages of other versions that are there already stay as they are
    let made = tempfile::tempdir().map_err(unwritable)?;
    clap_mangen::generate_to(args::command(), made.path()).map_err(unwritable)?;
    for page in std::fs::read_dir(made.path()).map_err(unwritable)?.flatten() {
        let text = std::fs::read_to_string(page.path()).map_err(unwritable)?;
        std::fs::write(folder.join(page.file_name()), with_tables(&text)).map_err(unwritable)?;
    }
    Ok(format!("written to {}: {PROGRAM}.1 and a page per subcommand", folder.display()))
}

/// Keeps the lines of examples and tables, which are indented: the formatter would fill and justify them.
fn with_tables(page: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for line in page.lines() {
        let indented = line.starts_with("  ");
        if indented != inside {
            text += if indented { ".nf\n" } else { ".fi\n" };
            inside = indented;
        }
        text += line;
        text.push('\n');
    }
    if inside { text + ".fi\n" } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indented_lines_of_a_manual_page_are_kept() {
        assert_eq!(with_tables("a\n  b  c\n  d\ne\n  f\n"), "a\n.nf\n  b  c\n  d\n.fi\ne\n.nf\n  f\n.fi\n");
    }

    #[test]
    fn completions_name_metrics_and_devices() {
        let mut script = Vec::new();
        clap_complete::generate(clap_complete::Shell::Bash, &mut with_values(args::command()), PROGRAM, &mut script);
        let script = String::from_utf8(script).expect("UTF-8");
        let line = |option: &str, value: &str| {
            let start = format!("--{option})");
            script
                .split(start.as_str())
                .skip(1)
                .any(|rest| rest.lines().nth(1).is_some_and(|line| line.contains(value)))
        };
        assert!(line("rank-by", "simplified_silhouette") && line("metrics", "davies_bouldin") && line("device", "gpu"));
        assert!(!line("rank-by", "davies_bouldin"), "it is of levels only");
    }
}
