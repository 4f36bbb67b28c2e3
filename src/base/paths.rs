//! Absolute paths, for files that are read from another folder than they were written in.

use std::io;
use std::path::{Component, Path, PathBuf};

/// The path from the root on, without `.` and, wherever that names the same file, without `..`: below a symbolic link `a`,
/// `a/..` is not the folder of `a`.
///
/// # Errors
/// An empty path, or a current folder that is gone.
pub fn absolute(path: &Path) -> io::Result<PathBuf> {
    let whole = std::path::absolute(path)?;
    let mut short = PathBuf::new();
    for component in whole.components() {
        match component {
            Component::ParentDir if short.is_symlink() => return Ok(whole),
            Component::ParentDir => drop(short.pop()),
            other => short.push(other),
        }
    }
    Ok(short)
}

/// As [`absolute`]; a path that has none stays as it is.
pub fn absolute_or_same(path: &Path) -> PathBuf {
    absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn what_names_the_same_file_is_left_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("there");
        std::fs::create_dir_all(root.join("far/deep")).expect("made");
        std::os::unix::fs::symlink(root.join("far/deep"), root.join("link")).expect("linked");
        let found = |path: &str| absolute(&root.join(path)).expect("a path");
        assert_eq!(found("far/./deep/../x.npy"), root.join("far/x.npy"));
        assert_eq!(found("not there/../x.npy"), root.join("x.npy"));
        // it names far/x.npy
        assert_eq!(found("link/../x.npy"), root.join("link/../x.npy"));
        assert_eq!(absolute(Path::new("/../x")).expect("a path"), Path::new("/x"));
        assert!(absolute(Path::new("x/../y")).is_ok_and(|path| path.is_absolute() && path.ends_with("y")));
        assert!(absolute(Path::new("")).is_err());
    }
}
