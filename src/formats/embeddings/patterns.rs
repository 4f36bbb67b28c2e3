//! Expands the paths and patterns of the command line to a list of files.

use std::path::{Path, PathBuf};

use crate::base::error::Finding;

/// The files of all `patterns`, in order. A pattern is a path, or a glob whose matches are sorted in natural order
/// (`part-2` before `part-10`). A path that exists is taken literally, even if it looks like a glob.
///
/// # Errors
/// A malformed glob, a glob without a match, or a folder that can't be read.
pub fn expand(patterns: &[String]) -> Result<Vec<PathBuf>, Finding> {
    let mut paths = Vec::new();
    for pattern in patterns {
        let literal = Path::new(pattern);
        if literal.exists() || !pattern.contains(['*', '?', '[']) {
            paths.push(literal.to_owned());
        } else {
            paths.append(&mut matches(pattern)?);
        }
    }
    Ok(paths)
}

fn matches(pattern: &str) -> Result<Vec<PathBuf>, Finding> {
    let globbed = glob::glob(pattern).map_err(|e| {
        let hint = "write [*], [?] or [[] for a literal *, ? or [";
        Finding::new("the pattern is malformed").file(pattern).found(e.to_string()).hint(hint)
    })?;
    let mut found = globbed
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| Finding::io("can't search the folder", e.path(), e.error()))?;
    if found.is_empty() {
        let hint = "check the folder, and quote the pattern so that the shell does not expand it";
        return Err(Finding::new("no file matches the pattern").file(pattern).expected("at least one").hint(hint));
    }
    found.sort_by(|a, b| {
        let (left, right) = (a.to_string_lossy(), b.to_string_lossy());
        natord::compare(&left, &right).then_with(|| a.cmp(b))
    });
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_globs_naturally_and_takes_existing_paths_literally() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["part-10.npy", "part-2.npy", "part-1.npy", "part-[1].npy", "other.txt"] {
            std::fs::write(path(name), "").unwrap();
        }
        let pattern = |name: &str| path(name).to_str().unwrap().to_owned();
        let found = expand(&[pattern("part-?*.npy"), pattern("missing.npy"), pattern("part-[1].npy")]).unwrap();
        let names = ["part-1.npy", "part-2.npy", "part-10.npy", "part-[1].npy", "missing.npy", "part-[1].npy"];
        assert_eq!(found, names.map(path));

        let finding = expand(&[pattern("part-9*.npy")]).unwrap_err().to_string();
        assert!(finding.contains("no file matches") && finding.contains("part-9*"), "{finding}");
        let finding = expand(&[pattern("part-[.npy")]).unwrap_err().to_string();
        assert!(finding.contains("malformed"), "{finding}");
    }
}
