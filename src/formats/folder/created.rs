//! Folders created for a run, and removed again if it ends early.

use crate::base::error::{Error, Finding, Result};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Folders that this run created, outermost first. Removed on drop unless kept.
#[derive(Debug, Default)]
pub(super) struct Created(Vec<PathBuf>);

impl Created {
    /// Keeps them, because the run is complete.
    pub(super) fn keep(&mut self) {
        self.0.clear();
    }
}

impl Drop for Created {
    fn drop(&mut self) {
        for folder in self.0.iter().rev() {
            // A folder that holds something by now is in use by others, and stays.
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
    }
}

/// Creates `root` and its missing parents. Returns the folders it created.
pub(super) fn create_missing(root: &Path) -> Result<Created> {
    let mut missing = Vec::new();
    let mut existing = root;
    for folder in root.ancestors() {
        // The ancestors of a relative path end with the empty path.
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        existing = folder;
        match fs::metadata(folder) {
            Ok(found) if found.is_dir() => break,
            Ok(_) => {
                return Err(Error::usage(
                    Finding::new("the output folder, or one of its parents, is not a folder")
                        .file(folder)
                        .expected("a folder, or a path that does not exist yet")
                        .hint("name another folder with --out"),
                ));
            }
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => missing.push(folder),
            Err(e) => return Err(Error::io("can't access the output folder", folder, &e)),
        }
    }
    let mut created = Created::default();
    for folder in missing.into_iter().rev() {
        match fs::create_dir(folder) {
            Ok(()) => created.0.push(folder.to_path_buf()),
            Err(e) if e.kind() == ErrorKind::AlreadyExists && folder.is_dir() => {}
            Err(e) => {
                return Err(Error::failed(
                    Finding::new("the output folder can't be created")
                        .file(root)
                        .found(format!("{e}, in {}", existing.display()))
                        .hint(format!(
                            "check owner and permissions of {}, or name another folder with --out",
                            existing.display()
                        )),
                ));
            }
        }
    }
    Ok(created)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_are_created_and_removed_again() {
        let base = tempfile::tempdir().unwrap();
        let root = base.path().join("a/b/c");
        let created = create_missing(&root).unwrap();
        assert_eq!(created.0.len(), 3);
        assert!(root.is_dir());
        drop(created);
        assert!(!base.path().join("a").exists());
    }

    #[test]
    fn a_created_folder_that_is_not_empty_stays() {
        let base = tempfile::tempdir().unwrap();
        let root = base.path().join("a/b");
        let created = create_missing(&root).unwrap();
        fs::write(base.path().join("a/note.txt"), "mine").unwrap();
        drop(created);
        assert!(!root.exists());
        assert!(base.path().join("a/note.txt").exists());
    }
}
