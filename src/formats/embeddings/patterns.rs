//! Expands the paths and patterns of the command line to a list of files.

use std::path::{Component, Path, PathBuf};

use crate::base::error::Finding;
use crate::base::path_text;

/// The files that patterns stand for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expanded {
    /// All files, in the order of their rows.
    pub files: Vec<PathBuf>,
    /// Number of files that each glob matched.
    pub matches: Vec<Matches>,
}

/// The files that one glob matched: consecutive ones of all files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matches {
    /// The glob as written.
    pub pattern: String,
    /// Index of its first file.
    pub first: usize,
    /// Number of its files.
    pub files: usize,
}

/// The files of all `patterns`, in order. A pattern is a path, a file URL, or a glob whose matches are sorted in natural order
/// (`part-2` before `part-10`). A path that exists is taken literally, even if it looks like a glob, and so is every folder in
/// a glob. A name is matched in any encoding; a hidden one, which starts with a dot, only by a dot.
///
/// # Errors
/// A malformed glob, a glob without a match, files separated by commas, or a folder that can't be read.
pub fn expand(patterns: &[String]) -> Result<Expanded, Finding> {
    let mut expanded = Expanded::default();
    for pattern in patterns {
        let literal = Path::new(pattern);
        if literal.exists() {
            expanded.files.push(literal.to_owned());
        } else if path_text::is_url(pattern) {
            expanded.files.push(path_text::from_text(pattern));
        } else if let Some(finding) = separated_by_commas(pattern) {
            return Err(finding);
        } else if !pattern.contains(['*', '?', '[']) {
            expanded.files.push(literal.to_owned());
        } else {
            let mut found = matches(pattern)?;
            let first = expanded.files.len();
            expanded.matches.push(Matches { pattern: pattern.clone(), first, files: found.len() });
            expanded.files.append(&mut found);
        }
    }
    Ok(expanded)
}

/// The finding for existing files that are separated by commas: some options take them so, but names may have commas.
fn separated_by_commas(pattern: &str) -> Option<Finding> {
    let parts: Vec<&str> = pattern.split(',').collect();
    if parts.len() < 2 || !parts.iter().all(|part| Path::new(part).is_file()) {
        return None;
    }
    let files = shlex::try_join(parts).ok()?;
    let finding = Finding::new("no file has this name").file(pattern).found("files separated by commas");
    Some(finding.hint(format!("separate them by spaces: {files} (in a config file, write a list)")))
}

fn matches(pattern: &str) -> Result<Vec<PathBuf>, Finding> {
    let mut found = vec![PathBuf::new()];
    let components: Vec<Component<'_>> = Path::new(pattern).components().collect();
    for (at, component) in components.iter().enumerate() {
        let last = at + 1 == components.len();
        let text = component.as_os_str().to_string_lossy();
        let mut next = Vec::new();
        for folder in found {
            let literal = folder.join(component);
            if !text.contains(['*', '?', '[']) || literal.exists() {
                // a later folder may lack what is named literally
                if !last || literal.symlink_metadata().is_ok() {
                    next.push(literal);
                }
            } else if text == "**" {
                below(folder, &mut next)?;
            } else {
                children(&folder, pattern, &text, last, &mut next)?;
            }
        }
        found = next;
    }
    if found.is_empty() {
        return Err(nothing(pattern));
    }
    found.sort_by(|a, b| {
        let (left, right) = (a.to_string_lossy(), b.to_string_lossy());
        natord::compare(&left, &right).then_with(|| a.cmp(b))
    });
    found.dedup();
    Ok(found)
}

/// Adds the entries of `folder` whose names match `text`, one component of `pattern`.
fn children(folder: &Path, pattern: &str, text: &str, last: bool, found: &mut Vec<PathBuf>) -> Result<(), Finding> {
    let names = glob::Pattern::new(text).map_err(|e| {
        let hint = "write [*], [?] or [[] for a literal *, ? or [";
        Finding::new("the pattern is malformed").file(pattern).found(e.to_string()).hint(hint)
    })?;
    for name in entries(folder)? {
        // each byte sequence that is not UTF-8 counts as one character
        let shown = name.to_string_lossy();
        let hidden = shown.starts_with('.') && !text.starts_with('.');
        let path = folder.join(&name);
        if !hidden && names.matches(&shown) && (last || path.is_dir()) {
            found.push(path);
        }
    }
    Ok(())
}

/// Adds `folder` and all folders below it, except hidden ones. Does not follow symbolic links, which can form a cycle.
fn below(folder: PathBuf, found: &mut Vec<PathBuf>) -> Result<(), Finding> {
    for name in entries(&folder)? {
        let path = folder.join(&name);
        let is_folder = path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir());
        if is_folder && !name.to_string_lossy().starts_with('.') {
            below(path, found)?;
        }
    }
    found.push(folder);
    Ok(())
}

/// Names of the entries of a folder; none if it does not exist.
fn entries(folder: &Path) -> Result<Vec<std::ffi::OsString>, Finding> {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let failed = |e: &std::io::Error| Finding::io("can't search the folder", folder, e);
    let listing = match std::fs::read_dir(folder) {
        Err(e) if matches!(e.kind(), NotFound | NotADirectory) => return Ok(Vec::new()),
        listing => listing.map_err(|e| failed(&e))?,
    };
    listing.map(|entry| entry.map(|entry| entry.file_name()).map_err(|e| failed(&e))).collect()
}

/// The finding for a glob without a match. Names brackets, which may have been meant literally.
fn nothing(pattern: &str) -> Finding {
    let finding = Finding::new("no file matches the pattern").file(pattern).expected("at least one");
    match pattern.find('[').and_then(|start| Some(&pattern[start..=start + pattern[start..].find(']')?])) {
        Some(brackets) => finding.found(format!("brackets: `{brackets}` matches one of the characters between them")).hint(
            "write [[] for a literal [; otherwise check the folder, and quote the pattern so that the shell does not expand it",
        ),
        None => finding.hint("check the folder, and quote the pattern so that the shell does not expand it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        folder
    }

    fn found(folder: &tempfile::TempDir, pattern: &str) -> Result<Vec<String>, String> {
        let pattern = folder.path().join(pattern).to_str().unwrap().to_owned();
        let expanded = expand(&[pattern]).map_err(|finding| finding.to_string())?;
        let name = |path: &PathBuf| path.strip_prefix(folder.path()).unwrap().to_string_lossy().into_owned();
        Ok(expanded.files.iter().map(name).collect())
    }

    #[test]
    fn sorts_globs_naturally_and_takes_existing_paths_literally() {
        let folder = filled(&["part-10.npy", "part-2.npy", "part-1.npy", "part-[1].npy", "other.txt"]);
        let path = |name: &str| folder.path().join(name);
        let pattern = |name: &str| path(name).to_str().unwrap().to_owned();
        let expanded = expand(&[pattern("part-?*.npy"), pattern("missing.npy"), pattern("part-[1].npy")]).unwrap();
        let names = ["part-1.npy", "part-2.npy", "part-10.npy", "part-[1].npy", "missing.npy", "part-[1].npy"];
        assert_eq!(expanded.files, names.map(path));
        assert_eq!(expanded.matches, [Matches { pattern: pattern("part-?*.npy"), first: 0, files: 4 }]);

        let finding = expand(&[pattern("part-9*.npy")]).unwrap_err().to_string();
        assert!(finding.contains("no file matches") && finding.contains("part-9*"), "{finding}");
        let finding = expand(&[pattern("part-[.npy")]).unwrap_err().to_string();
        assert!(finding.contains("malformed"), "{finding}");
    }

    #[test]
    fn files_separated_by_commas_are_told_apart_from_names_with_commas() {
        let folder = filled(&["a.npy", "b c.npy", "d,e.npy"]);
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let refused = expand(&[format!("{},{}", path("a.npy"), path("b c.npy"))]).unwrap_err().to_string();
        let hint = format!("separate them by spaces: {} '{}' (", path("a.npy"), path("b c.npy"));
        assert!(refused.contains(&hint), "{refused}");
        assert_eq!(expand(&[path("d,e.npy")]).unwrap().files.len(), 1);
        assert_eq!(expand(&[format!("{},missing.npy", path("a.npy"))]).unwrap().files.len(), 1);
    }

    #[test]
    fn hidden_files_need_a_dot_in_the_pattern() {
        let folder = filled(&["a.npy", ".a.npy", ".cache/b.npy", "sub/c.npy", "sub/.d.npy"]);
        assert_eq!(found(&folder, "*.npy").unwrap(), ["a.npy"]);
        assert_eq!(found(&folder, "?a.npy").unwrap_err().lines().next(), Some("no file matches the pattern"));
        assert_eq!(found(&folder, ".*.npy").unwrap(), [".a.npy"]);
        assert_eq!(found(&folder, "*/*.npy").unwrap(), ["sub/c.npy"]);
        assert_eq!(found(&folder, "**/*.npy").unwrap(), ["a.npy", "sub/c.npy"]);
    }

    #[test]
    fn folders_with_brackets_are_taken_literally_first() {
        let folder = filled(&["runs[1]/a.npy", "runs1/b.npy"]);
        assert_eq!(found(&folder, "runs[1]/*.npy").unwrap(), ["runs[1]/a.npy"]);
        assert_eq!(found(&folder, "runs[12]/*.npy").unwrap(), ["runs1/b.npy"]);
        let refused = found(&folder, "runs[3]/*.npy").unwrap_err();
        assert!(refused.contains("brackets: `[3]`") && refused.contains("[[]"), "{refused}");
    }

    #[cfg(unix)]
    #[test]
    fn names_in_any_encoding_are_matched() {
        use std::os::unix::ffi::OsStrExt;
        let folder = filled(&["part-1.npy"]);
        let latin = folder.path().join(std::ffi::OsStr::from_bytes(b"part-\xe9.npy"));
        if std::fs::write(&latin, "").is_err() {
            return; // a file system that takes UTF-8 only
        }
        let pattern = folder.path().join("part-?.npy").to_str().unwrap().to_owned();
        let files = expand(&[pattern]).unwrap().files;
        assert_eq!(files, [folder.path().join("part-1.npy"), latin.clone()]);
        let url = path_text::to_text(&latin).unwrap().into_owned();
        assert_eq!(expand(&[url]).unwrap().files, [latin]);
    }
}
