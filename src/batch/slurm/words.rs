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

/// Quotes a path that may contain variables of the node: `$TMPDIR/x`, `${SLURM_TMPDIR}`. Nothing else is expanded. A variable
/// that isn't set on the node ends the script with a message.
///
/// # Errors
/// As [`shell`].
pub(super) fn shell_path(template: &str) -> Result<String> {
    let mut word = String::new();
    let mut rest = template;
    while let Some(at) = rest.find('$') {
        let (before, after) = rest.split_at(at);
        match variable(&after[1..]) {
            Some((name, length)) => {
                push_literal(&mut word, before)?;
                word.push_str(&format!("\"${{{name}:?is not set on this node}}\""));
                rest = &after[1 + length..];
            }
            None => {
                push_literal(&mut word, &rest[..=at])?;
                rest = &rest[at + 1..];
            }
        }
    }
    push_literal(&mut word, rest)?;
    Ok(word)
}

fn push_literal(word: &mut String, text: &str) -> Result<()> {
    if !text.is_empty() {
        word.push_str(&shell(text)?);
    }
    Ok(())
}

/// Parses `NAME...` or `{NAME}...` and returns the name and its length in bytes, including braces.
fn variable(text: &str) -> Option<(&str, usize)> {
    let (inner, braces) = text.strip_prefix('{').map_or((text, false), |inner| (inner, true));
    let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
    let name = &inner[..end];
    if !is_variable(name) || (braces && !inner[end..].starts_with('}')) {
        return None;
    }
    Some((name, if braces { end + 2 } else { end }))
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
    fn only_variables_of_a_path_are_expanded() {
        let word = |template| shell_path(template).expect("no NUL");
        assert_eq!(word("$TMPDIR"), "\"${TMPDIR:?is not set on this node}\"");
        assert_eq!(word("/scratch/${USER}x"), "/scratch/\"${USER:?is not set on this node}\"x");
        assert_eq!(word("/a b"), "'/a b'");
        for hostile in ["$(id)", "`id`", "${X:-$(id)}", "$1", "a$"] {
            assert!(word(hostile).contains('\''), "{}", word(hostile));
        }
        assert!(shell_path("a\0b").is_err());
    }

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
