//! `clustrata completions` and `clustrata man`, from the same definitions as the command line.

use std::io::ErrorKind;

use crate::base::error::{Error, Finding, Result};
use crate::cli::args::{self, CompletionsArgs, ManArgs};

/// The name of the executable.
const PROGRAM: &str = "clustrata";

/// A script for a shell.
pub(super) fn completions(args: &CompletionsArgs) -> Result<String> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut args::command(), PROGRAM, &mut script);
    String::from_utf8(script)
        .map_err(|e| Error::failed(Finding::new("the completions are not UTF-8").found(e.to_string())))
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
    clap_mangen::generate_to(args::command(), folder).map_err(unwritable)?;
    Ok(format!("written to {}: {PROGRAM}.1 and a page per subcommand", folder.display()))
}
