//! The folder of `--scratch`, with its variables. A batch job's own folder is gone with the job, so what is kept for later
//! is how it was written, such as `$SLURM_TMPDIR`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::base::paths;

/// Variables whose value is a folder of the job. A shell may have put it in place of the variable.
const OF_JOBS: [&str; 2] = ["SLURM_TMPDIR", "TMPDIR"];

/// A folder on the machine's own disk, as written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Scratch(PathBuf);

/// A variable that is not set, or empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unset(pub String);

impl Scratch {
    /// The folder as written. In a job of Slurm, the value of a variable of the job becomes the variable again.
    pub fn new(written: PathBuf) -> Scratch {
        Scratch::in_environment(written, |name| std::env::var_os(name))
    }

    fn in_environment(written: PathBuf, variable: impl Fn(&str) -> Option<OsString>) -> Scratch {
        if variable("SLURM_JOB_ID").is_none() {
            return Scratch(written);
        }
        let with_variable = |name: &&str| {
            let value = PathBuf::from(variable(name)?);
            // the root is nobody's own folder
            let rest = written.strip_prefix(&value).ok().filter(|_| value.parent().is_some())?;
            let name = PathBuf::from(format!("${name}"));
            Some(if rest.as_os_str().is_empty() { name } else { name.join(rest) })
        };
        Scratch(OF_JOBS.iter().find_map(with_variable).unwrap_or(written))
    }

    /// The folder, with the values of its variables.
    ///
    /// # Errors
    /// A variable that is not set.
    pub fn folder(&self) -> Result<PathBuf, Unset> {
        self.expanded(|name| std::env::var_os(name))
    }

    /// Replaces `$NAME` and `${NAME}`; everything else is literal.
    fn expanded(&self, variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, Unset> {
        let Some(mut rest) = self.0.to_str() else { return Ok(self.0.clone()) };
        let mut path = OsString::new();
        while let Some(at) = rest.find('$') {
            path.push(&rest[..at]);
            rest = &rest[at + 1..];
            match name(rest) {
                Some((name, length)) => {
                    let value = variable(name).filter(|value| !value.is_empty());
                    path.push(value.ok_or_else(|| Unset(name.to_owned()))?);
                    rest = &rest[length..];
                }
                None => path.push("$"),
            }
        }
        path.push(rest);
        Ok(path.into())
    }

    /// The same for use from another working folder. A variable in front stays there.
    #[must_use]
    pub fn absolute(self) -> Scratch {
        let of_variable = self.0.to_str().is_some_and(|text| text.strip_prefix('$').is_some_and(|t| name(t).is_some()));
        if of_variable { self } else { Scratch(paths::absolute_or_same(&self.0)) }
    }

    /// As written.
    pub fn written(&self) -> &Path {
        &self.0
    }
}

/// Parses `NAME...` or `{NAME}...`, which follows a `$`, and returns the name and its length in bytes, including braces.
fn name(text: &str) -> Option<(&str, usize)> {
    let (inner, braces) = text.strip_prefix('{').map_or((text, false), |inner| (inner, true));
    let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
    let starts = inner.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if !starts || (braces && !inner[end..].starts_with('}')) {
        return None;
    }
    Some((&inner[..end], if braces { end + 2 } else { end }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(name: &str) -> Option<OsString> {
        let all = [("SLURM_JOB_ID", "7"), ("SLURM_TMPDIR", "/node disk/$(x)/7"), ("TMPDIR", "/tmp"), ("EMPTY", "")];
        all.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into())
    }

    #[test]
    fn variables_are_expanded_and_nothing_else_is() {
        let folder = |written: &str| Scratch(written.into()).expanded(variable);
        assert_eq!(folder("$SLURM_TMPDIR"), Ok("/node disk/$(x)/7".into()));
        assert_eq!(folder("/a/${TMPDIR}x/$TMPDIR/b"), Ok("/a//tmpx//tmp/b".into()));
        for literal in ["/a b/$(id)", "`id`", "${X:-$(id)}", "$1", "a$", "${TMPDIR", "~/x"] {
            assert_eq!(folder(literal), Ok(literal.into()), "a value is not expanded again");
        }
        assert_eq!(folder("$NOT_THERE/x"), Err(Unset("NOT_THERE".to_owned())));
        assert_eq!(folder("/x/${EMPTY}"), Err(Unset("EMPTY".to_owned())));
    }

    #[test]
    fn the_folder_of_a_job_is_kept_by_its_variable() {
        let kept = |written: &str| Scratch::in_environment(written.into(), variable).0;
        assert_eq!(kept("/node disk/$(x)/7"), Path::new("$SLURM_TMPDIR"));
        assert_eq!(kept("/node disk/$(x)/7/rows"), Path::new("$SLURM_TMPDIR/rows"));
        assert_eq!(kept("/tmp/me"), Path::new("$TMPDIR/me"));
        assert_eq!(kept("/node disk/$(x)/77"), Path::new("/node disk/$(x)/77"), "another job's folder");
        assert_eq!(kept("/local"), Path::new("/local"));
        let outside = Scratch::in_environment("/tmp/me".into(), |name| variable(name).filter(|_| name == "TMPDIR"));
        assert_eq!(outside.0, Path::new("/tmp/me"), "no job");
        let of_root = Scratch::in_environment("/data".into(), |name| variable(name).map(|_| "/".into()));
        assert_eq!(of_root.0, Path::new("/data"));
    }

    #[test]
    fn a_folder_is_absolute_unless_a_variable_makes_it_so() {
        let absolute = |written: &str| Scratch(written.into()).absolute().0;
        assert_eq!(absolute("$TMPDIR/x"), Path::new("$TMPDIR/x"));
        assert_eq!(absolute("${TMPDIR}"), Path::new("${TMPDIR}"));
        for relative in ["scratch/$USER", "$(x)"] {
            let whole = absolute(relative);
            assert!(whole.is_absolute() && whole.ends_with(relative), "{}", whole.display());
        }
    }
}
