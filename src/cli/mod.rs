//! The command line: its definitions, the console, and one file per subcommand.

pub mod args;
pub mod commands;
pub mod console;
