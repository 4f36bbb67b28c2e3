//! Arguments of `completions` and `man`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

/// Arguments of `completions`.
#[derive(Debug, Args)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// Arguments of `man`.
#[derive(Debug, Args)]
#[command(after_help = MAN_EXAMPLES)]
pub struct ManArgs {
    /// Folder to write to; replaces existing pages
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  clustrata completions bash > ~/.local/share/bash-completion/completions/clustrata
  clustrata completions zsh > ~/.zfunc/_clustrata      # with ~/.zfunc in $fpath
  clustrata completions fish > ~/.config/fish/completions/clustrata.fish";

const MAN_EXAMPLES: &str = "\
Examples:
  clustrata man ~/.local/share/man/man1 && man clustrata-metrics";
