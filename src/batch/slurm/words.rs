//! Quotes text so that it stays a single word of a shell script or an `#SBATCH` line, or a job's name.

use crate::base::error::{Error, Finding, Result};

/// Quotes any text as one word of a shell script.
///
/// # Errors
/// `Usage` for a NUL byte, which can't be quoted.
pub(super) fn shell(text: &str) -> Result<String> {
    shlex::try_quote(text).map(Into::into).map_err(|_| {
        Error::usage(Finding::new("text for a script contains a NUL byte").found(text.replace('\0', "\\0")))
    })
}

/// Whether a shell variable can have this name.
pub(super) fn is_variable(name: &str) -> bool {
    let first = name.chars().next();
    first.is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Quotes text as one word of an `#SBATCH` line, by sbatch's rules: quotes group, and a backslash escapes the next character.
/// `None` if the text contains control characters, such as a newline.
pub(super) fn sbatch(text: &str) -> Option<String> {
    if text.chars().any(char::is_control) {
        return None;
    }
    let plain = |c: char| c.is_alphanumeric() || "-_=./:,%@+[]~".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return Some(text.to_owned());
    }
    Some(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// A job name of at most 100 characters. Each character other than ASCII letters, digits and `._-=,` becomes `-`.
pub(super) fn job_name(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-=,".contains(c) { c } else { '-' };
    text.chars().map(plain).take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_sbatch_lines_are_one_line() {
        assert_eq!(sbatch("--time=1-0:30").as_deref(), Some("--time=1-0:30"));
        assert_eq!(sbatch(r#"a "b"\c #"#).as_deref(), Some(r#""a \"b\"\\c #""#));
        assert_eq!(sbatch("a\n#SBATCH --uid=0"), None);
        assert_eq!(sbatch("a\rb"), None);
    }

    #[test]
    fn names_of_jobs_are_plain() {
        assert_eq!(job_name("digits/seed=1 $(x)\n"), "digits-seed=1---x--");
    }
}
