//! Renames that can be undone.

use crate::base::error::{Error, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// The renames done so far and the folders created for them, in order.
#[derive(Debug, Default)]
pub(super) struct Moves {
    done: Vec<Step>,
}

#[derive(Debug)]
enum Step {
    Created(PathBuf),
    Renamed { from: PathBuf, to: PathBuf },
}

impl Moves {
    /// Renames `from` to `to`. Creates the missing parents of `to`.
    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> Result<()> {
        if let Some(parent) = to.parent() {
            self.create_missing(parent)?;
        }
        fs::rename(from, to).map_err(|e| Error::io("can't move a finished file into place", to, &e))?;
        self.done.push(Step::Renamed { from: from.to_path_buf(), to: to.to_path_buf() });
        Ok(())
    }

    fn create_missing(&mut self, folder: &Path) -> Result<()> {
        let missing: Vec<&Path> = folder.ancestors().take_while(|f| !f.is_dir()).collect();
        for folder in missing.into_iter().rev() {
            fs::create_dir(folder).map_err(|e| Error::io("can't create a folder", folder, &e))?;
            self.done.push(Step::Created(folder.to_path_buf()));
        }
        Ok(())
    }

    /// Undoes everything, last step first. Logs and skips a step that fails, so that the other files are restored.
    pub(super) fn undo(self) {
        for step in self.done.into_iter().rev() {
            let (path, undone) = match step {
                Step::Renamed { from, to } => {
                    let undone = fs::rename(&to, &from);
                    (to, undone)
                }
                Step::Created(folder) => {
                    let undone = fs::remove_dir(&folder);
                    (folder, undone)
                }
            };
            if let Err(error) = undone {
                tracing::warn!("{} could not be moved back: {error}", path.display());
            }
        }
    }
}

/// Every file below `folder`: paths relative to it, sorted.
pub(crate) fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(relative) = folders.pop() {
        let path = folder.join(&relative);
        let unreadable = |e: std::io::Error| Error::io("can't list a folder", &path, &e);
        for entry in fs::read_dir(&path).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = relative.join(entry.file_name());
            if entry.file_type().map_err(unreadable)?.is_dir() {
                folders.push(name);
            } else {
                files.push(name);
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undo_restores_files_and_folders() {
        let base = tempfile::tempdir().unwrap();
        let at = |name: &str| base.path().join(name);
        fs::write(at("old"), "old").unwrap();
        fs::write(at("new"), "new").unwrap();
        let mut moves = Moves::default();
        moves.rename(&at("old"), &at("aside/deep/old")).unwrap();
        moves.rename(&at("new"), &at("old")).unwrap();
        assert_eq!(fs::read_to_string(at("old")).unwrap(), "new");
        moves.undo();
        assert_eq!(fs::read_to_string(at("old")).unwrap(), "old");
        assert_eq!(fs::read_to_string(at("new")).unwrap(), "new");
        assert!(!at("aside").exists());
    }
}
