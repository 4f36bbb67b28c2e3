//! Files that appear under their name when they are complete, and not at all where the process ends before.
//!
//! They are written beside their place under a hidden name. A process that is killed leaves such a file, which no reader
//! takes for the real one; [`remove_unfinished`] clears it.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// How the names of unfinished files begin.
const UNFINISHED: &str = ".tmp-";

/// A file being written; gone when dropped.
#[derive(Debug)]
pub struct AtomicFile {
    file: File,
    temporary: Temporary,
    path: PathBuf,
}

impl AtomicFile {
    /// Begins a file that is to replace whatever is at `path`, whose folder must be there.
    ///
    /// # Errors
    /// The system's, where no file can be made there.
    pub fn create(path: &Path) -> io::Result<AtomicFile> {
        let (file, temporary) = beside(path, |temporary| File::create_new(temporary))?;
        Ok(AtomicFile { file, temporary, path: path.to_owned() })
    }

    /// Where the file lies until it is complete.
    pub fn unfinished_path(&self) -> &Path {
        self.temporary.0.as_deref().unwrap_or(&self.path)
    }

    /// Gives the complete file its name, once all of it is on the disk: it survives a power cut.
    ///
    /// # Errors
    /// The system's; the file is then not there, or the one that was is.
    pub fn commit(self) -> io::Result<()> {
        self.file.sync_all()?;
        let path = self.path.clone();
        self.commit_unsynced()?;
        sync_folder(&path)
    }

    /// The same for a file that need not outlive the system: it is not waited for the disk.
    ///
    /// # Errors
    /// The system's; the file is then not there, or the one that was is.
    pub fn commit_unsynced(self) -> io::Result<()> {
        let AtomicFile { file, mut temporary, path } = self;
        drop(file);
        if let Some(from) = &temporary.0 {
            fs::rename(from, path)?;
        }
        temporary.0 = None;
        Ok(())
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Puts a symbolic link at `path` in place of whatever is there: to `target`, which is relative to the folder of `path`. Where
/// there are no symbolic links (Windows, some mounted disks), `path` becomes a copy of the target.
///
/// # Errors
/// The system's; what was at `path` is then still there.
pub fn link_or_copy(target: &Path, path: &Path) -> io::Result<()> {
    match beside(path, |temporary| symlink(target, temporary)) {
        Ok(((), mut temporary)) => {
            if let Some(from) = &temporary.0 {
                fs::rename(from, path)?;
            }
            temporary.0 = None;
            sync_folder(path)
        }
        Err(e) if matches!(e.kind(), ErrorKind::Unsupported | ErrorKind::PermissionDenied) => {
            let source = path.parent().unwrap_or(Path::new("")).join(target);
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

/// Elsewhere they want a right that few users have.
#[cfg(not(unix))]
fn symlink(_: &Path, _: &Path) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

/// Makes something under a hidden name beside `path` that nothing else has.
fn beside<T>(path: &Path, make: impl Fn(&Path) -> io::Result<T>) -> io::Result<(T, Temporary)> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    loop {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let temporary = path.with_file_name(format!("{UNFINISHED}{}-{count}", std::process::id()));
        match make(&temporary) {
            Ok(made) => return Ok((made, Temporary(Some(temporary)))),
            // nodes that share a folder can have equal process ids
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
        }
    }
}

/// The hidden name, until it is renamed.
#[derive(Debug)]
struct Temporary(Option<PathBuf>);

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = &self.0
            && let Err(error) = fs::remove_file(path)
        {
            tracing::debug!("{} could not be removed: {error}", path.display());
        }
    }
}

/// Writes the folder of `file` to the disk, and with it the file's new name.
#[cfg(unix)]
fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match File::open(folder)?.sync_all() {
        // some network file systems know no such thing
        Err(e) if matches!(e.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        synced => synced,
    }
}

/// Only Unix lets a folder be written to the disk.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Removes what killed processes left in `folder`. Only for who knows, by a lock, that nobody is writing there.
///
/// # Errors
/// The system's, where the folder can't be listed or a file not removed.
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
    fn a_file_that_is_dropped_or_left_is_not_there() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("x");
        drop(AtomicFile::create(&path).unwrap());
        assert!(names(base.path()).is_empty());
        std::mem::forget(AtomicFile::create(&path).unwrap());
        fs::write(&path, "mine").unwrap();
        remove_unfinished(base.path()).unwrap();
        assert_eq!(names(base.path()), ["x"]);
        assert!(AtomicFile::create(&base.path().join("missing/x")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_takes_the_place_of_what_was_there_and_stays_valid_when_copied() {
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
    fn a_name_that_another_node_took_is_passed_over() {
        let base = tempfile::tempdir().unwrap();
        let first = AtomicFile::create(&base.path().join("x")).unwrap();
        let name = first.unfinished_path().file_name().unwrap().to_string_lossy().into_owned();
        let (begin, count) = name.rsplit_once('-').unwrap();
        let count: u64 = count.parse().unwrap();
        // other tests of this process count on meanwhile
        for taken in count + 1..count + 100 {
            fs::write(base.path().join(format!("{begin}-{taken}")), "another's").unwrap();
        }
        let second = AtomicFile::create(&base.path().join("x")).unwrap();
        assert!(second.unfinished_path().exists());
        assert_eq!(names(base.path()).len(), 101);
    }
}
