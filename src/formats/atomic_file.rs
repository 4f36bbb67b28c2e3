//! Files that get their name only once they are complete.
//!
//! Until then they lie in the same folder under a hidden name. A killed process leaves such a file behind, which no reader
//! mistakes for the real one; [`remove_unfinished`] removes it.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};

/// Start of the names of unfinished files.
const UNFINISHED: &str = ".tmp-";

/// A file being written. Removed on drop unless committed.
#[derive(Debug)]
pub struct AtomicFile {
    unfinished: NamedTempFile,
    path: PathBuf,
}

impl AtomicFile {
    /// Creates a file that will replace the one at `path`. The folder must exist.
    ///
    /// # Errors
    /// Those of the system, if no file can be created there.
    pub fn create(path: &Path) -> io::Result<AtomicFile> {
        let unfinished = beside(path, |unfinished| File::create_new(unfinished))?;
        Ok(AtomicFile { unfinished, path: path.to_owned() })
    }

    /// Path of the file until it is committed.
    pub fn unfinished_path(&self) -> &Path {
        self.unfinished.path()
    }

    /// Writes the file to the disk and then gives it its name, so that it survives a power cut.
    ///
    /// # Errors
    /// Those of the system. An earlier file at `path` is then unchanged.
    pub fn commit(self) -> io::Result<()> {
        self.unfinished.as_file().sync_all()?;
        let path = self.path.clone();
        self.commit_unsynced()?;
        sync_folder(&path)
    }

    /// Gives the file its name without waiting for the disk. It may be lost in a power cut.
    ///
    /// # Errors
    /// As [`AtomicFile::commit`].
    pub fn commit_unsynced(self) -> io::Result<()> {
        rename(self.unfinished.into_temp_path(), &self.path)
    }
}

/// Replaces the file at `path` by one with this content, as a whole or not at all. The folder must exist.
///
/// # Errors
/// Those of the system. An earlier file at `path` is then unchanged.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(content)?;
    file.commit()
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.unfinished.as_file_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.unfinished.as_file_mut().flush()
    }
}

/// Replaces `path` by a symbolic link to `target`, which is relative to the folder of `path`. On systems without symbolic
/// links (Windows, some mounted disks), `path` becomes a copy of the target.
///
/// # Errors
/// Those of the system. `path` is then unchanged.
pub fn link_or_copy(target: &Path, path: &Path) -> io::Result<()> {
    match beside(path, |unfinished| symlink(target, unfinished)) {
        Ok(link) => {
            rename(link.into_temp_path(), path)?;
            sync_folder(path)
        }
        Err(e) if matches!(e.kind(), ErrorKind::Unsupported | ErrorKind::PermissionDenied) => {
            let source = folder_of(path).join(target);
            let mut copy = AtomicFile::create(path)?;
            io::copy(&mut File::open(source)?, &mut copy)?;
            copy.commit()
        }
        Err(e) => Err(e),
    }
}

#[cfg(unix)]
fn symlink(target: &Path, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, path)
}

/// On Windows, symbolic links need a privilege that few users have.
#[cfg(not(unix))]
fn symlink(_: &Path, _: &Path) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

/// Calls `make` with an unused hidden name in the folder of `path`. Unlike the other functions of `tempfile`, this keeps the
/// usual permissions: the results are for others too.
fn beside<T>(path: &Path, make: impl FnMut(&Path) -> io::Result<T>) -> io::Result<NamedTempFile<T>> {
    tempfile::Builder::new().prefix(UNFINISHED).make_in(folder_of(path), make)
}

/// Renames by the standard library: on Windows it also replaces a file that a reader has open, which `tempfile` does not.
fn rename(mut unfinished: TempPath, path: &Path) -> io::Result<()> {
    fs::rename(&unfinished, path)?;
    unfinished.disable_cleanup(true);
    Ok(())
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes the folder of `file`, and thus the file's new name, to the disk.
#[cfg(unix)]
fn sync_folder(file: &Path) -> io::Result<()> {
    match File::open(folder_of(file))?.sync_all() {
        // Some network file systems don't support this.
        Err(e) if matches!(e.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        synced => synced,
    }
}

/// Only Unix can write a folder to the disk.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Removes the unfinished files of killed processes in `folder`. The caller must hold a lock that keeps others from writing
/// there.
///
/// # Errors
/// Those of the system, if the folder can't be listed or a file can't be removed.
pub fn remove_unfinished(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(UNFINISHED.as_bytes()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_file_appears_when_it_is_complete() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("x");
        fs::write(&path, "before").unwrap();
        for synced in [true, false] {
            let mut file = AtomicFile::create(&path).unwrap();
            file.write_all(b"after").unwrap();
            assert_ne!(fs::read(&path).unwrap(), b"after");
            assert_eq!(names(base.path()).len(), 2);
            if synced { file.commit() } else { file.commit_unsynced() }.unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"after");
            assert_eq!(names(base.path()), ["x"]);
            fs::write(&path, "before").unwrap();
        }
    }

    #[test]
    fn an_unfinished_file_is_removed() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("x");
        drop(AtomicFile::create(&path).unwrap());
        assert!(names(base.path()).is_empty());
        // As a killed process: the handle is closed and the file stays.
        AtomicFile::create(&path).unwrap().unfinished.into_temp_path().disable_cleanup(true);
        assert_eq!(names(base.path()).len(), 1);
        fs::write(&path, "mine").unwrap();
        remove_unfinished(base.path()).unwrap();
        assert_eq!(names(base.path()), ["x"]);
        assert!(AtomicFile::create(&base.path().join("missing/x")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_replaces_the_earlier_one_and_stays_valid_when_moved() {
        let base = tempfile::tempdir().unwrap();
        let folder = base.path().join("level1");
        for step in ["step0", "step1"] {
            fs::create_dir_all(folder.join(step)).unwrap();
            fs::write(folder.join(step).join("x"), step).unwrap();
            link_or_copy(&Path::new(step).join("x"), &folder.join("x")).unwrap();
            assert_eq!(fs::read_to_string(folder.join("x")).unwrap(), step);
            assert_eq!(names(&folder).iter().filter(|name| name.starts_with('.')).count(), 0);
        }
        let moved = base.path().join("elsewhere");
        fs::rename(&folder, &moved).unwrap();
        assert_eq!(fs::read_to_string(moved.join("x")).unwrap(), "step1");
    }

    #[test]
    fn files_of_one_name_do_not_share_an_unfinished_one() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("x");
        let files: Vec<AtomicFile> = (0..100).map(|_| AtomicFile::create(&path).unwrap()).collect();
        assert_eq!(names(base.path()).len(), files.len());
        assert!(names(base.path()).iter().all(|name| name.starts_with(UNFINISHED)));
    }

    #[cfg(unix)]
    #[test]
    fn others_can_read_a_file_as_usual() {
        use std::os::unix::fs::PermissionsExt as _;
        let base = tempfile::tempdir().unwrap();
        let mode = |name: &str| fs::metadata(base.path().join(name)).unwrap().permissions().mode();
        AtomicFile::create(&base.path().join("x")).unwrap().commit().unwrap();
        fs::write(base.path().join("usual"), "").unwrap();
        assert_eq!(mode("x"), mode("usual"));
    }
}
