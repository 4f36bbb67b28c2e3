//! The lock on an output folder.
//!
//! The lock is the operating system's, so it goes with the process however that ends; the file itself goes when the
//! lock is released, so that nothing is left in the folder.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

const NAME: &str = ".clustrata-lock";

/// How the attempt ended.
pub(super) enum Acquired {
    /// The folder is ours, as far as its file system can tell.
    Locked(Lock),
    /// Another process holds it.
    Busy,
    /// The folder or the lock file was removed or replaced meanwhile: try again.
    Changed,
}

/// A held lock; released and its file removed on drop.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    file: Option<File>,
    held: bool,
}

impl Lock {
    /// Tries once to lock `folder`.
    pub(super) fn acquire(folder: &Path) -> io::Result<Acquired> {
        let path = folder.join(NAME);
        match system::lock(&path) {
            Ok(system::Outcome::Locked(file)) => Ok(Acquired::Locked(Lock { path, file: Some(file), held: true })),
            Ok(system::Outcome::Unsupported(file)) => {
                Ok(Acquired::Locked(Lock { path, file: Some(file), held: false }))
            }
            Ok(system::Outcome::Busy) => Ok(Acquired::Busy),
            Ok(system::Outcome::Changed) => Ok(Acquired::Changed),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(Acquired::Changed),
            Err(e) => Err(e),
        }
    }

    /// False where the file system knows no locks.
    pub(super) fn is_held(&self) -> bool {
        self.held
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Removed while it is still held: afterwards it could be another run's.
        if !system::REMOVED_ON_CLOSE
            && let Err(e) = fs::remove_file(&self.path)
            && e.kind() != ErrorKind::NotFound
        {
            tracing::warn!("{} could not be removed: {e}", self.path.display());
        }
        drop(self.file.take());
    }
}

#[cfg(unix)]
mod system {
    use super::{File, Path, fs, io};
    use std::fs::TryLockError;
    use std::os::unix::fs::MetadataExt;

    pub(super) const REMOVED_ON_CLOSE: bool = false;

    pub(super) enum Outcome {
        Locked(File),
        Unsupported(File),
        Busy,
        Changed,
    }

    pub(super) fn lock(path: &Path) -> io::Result<Outcome> {
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) if is_at(&file, path)? => Ok(Outcome::Locked(file)),
            // The run before removed the file between our opening and our locking it: this lock keeps nobody out.
            Ok(()) => Ok(Outcome::Changed),
            Err(TryLockError::WouldBlock) => Ok(Outcome::Busy),
            Err(TryLockError::Error(e)) if is_unsupported(&e) => Ok(Outcome::Unsupported(file)),
            Err(TryLockError::Error(e)) => Err(e),
        }
    }

    /// Whether `path` still names the opened file.
    fn is_at(file: &File, path: &Path) -> io::Result<bool> {
        let opened = file.metadata()?;
        match fs::metadata(path) {
            Ok(named) => Ok(named.dev() == opened.dev() && named.ino() == opened.ino()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// Lustre without `-o flock` says ENOSYS, NFS without its lock daemon ENOLCK (which std gives no kind of its own).
    fn is_unsupported(error: &io::Error) -> bool {
        const ENOLCK: i32 = if cfg!(any(target_os = "linux", target_os = "android")) { 37 } else { 77 };
        error.kind() == io::ErrorKind::Unsupported || error.raw_os_error() == Some(ENOLCK)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_lock_on_a_removed_file_is_not_taken_for_the_folder_s() {
            let base = tempfile::tempdir().unwrap();
            let path = base.path().join("lock");
            let file = File::create(&path).unwrap();
            assert!(is_at(&file, &path).unwrap());
            fs::remove_file(&path).unwrap();
            assert!(!is_at(&file, &path).unwrap());
            let _second = File::create(&path).unwrap();
            assert!(!is_at(&file, &path).unwrap());
        }

        #[test]
        fn only_missing_locks_are_tolerated() {
            assert!(is_unsupported(&io::Error::from(io::ErrorKind::Unsupported)));
            assert!(!is_unsupported(&io::Error::from(io::ErrorKind::PermissionDenied)));
        }
    }
}

#[cfg(windows)]
mod system {
    use super::{File, Path, io};
    use std::os::windows::fs::OpenOptionsExt;

    /// The system removes the file when the last handle closes, also that of a killed process.
    pub(super) const REMOVED_ON_CLOSE: bool = true;

    const GENERIC_READ: u32 = 0x8000_0000;
    const GENERIC_WRITE: u32 = 0x4000_0000;
    const DELETE: u32 = 0x0001_0000;
    const FILE_FLAG_DELETE_ON_CLOSE: u32 = 0x0400_0000;
    const ERROR_SHARING_VIOLATION: i32 = 32;
    const ERROR_DELETE_PENDING: i32 = 303;

    #[allow(dead_code, reason = "one enum for all systems: here opening is locking, which every file system can")]
    pub(super) enum Outcome {
        Locked(File),
        Unsupported(File),
        Busy,
        Changed,
    }

    /// Opening without sharing is the lock: no second handle on the file can exist, so there is no race to check for.
    pub(super) fn lock(path: &Path) -> io::Result<Outcome> {
        let opened = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .access_mode(GENERIC_READ | GENERIC_WRITE | DELETE)
            .share_mode(0)
            .custom_flags(FILE_FLAG_DELETE_ON_CLOSE)
            .open(path);
        match opened {
            Ok(file) => Ok(Outcome::Locked(file)),
            Err(e) if e.raw_os_error() == Some(ERROR_SHARING_VIOLATION) => Ok(Outcome::Busy),
            Err(e) if e.raw_os_error() == Some(ERROR_DELETE_PENDING) => Ok(Outcome::Changed),
            Err(e) => Err(e),
        }
    }
}
