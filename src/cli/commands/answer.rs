//! What a subcommand answers.

/// What a subcommand that did its work answers.
#[derive(Debug)]
pub struct Answer {
    /// For standard output.
    pub text: String,
    /// The exit code of the process.
    pub exit_code: u8,
}
