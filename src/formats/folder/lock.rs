//! The lock on an output folder.
//!
//! It is a lock of the operating system, which releases it however the process ends. The lock file is removed when the lock
//! is released, so nothing is left in the folder.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

const NAME: &str = ".clustrata-lock";

/// Result of an attempt to lock a folder.
pub(super) enum Acquired {
    /// The folder is ours, as far as its file system supports locks.
    Locked(Lock),
    /// Another process holds it.
    Busy,
    /// The folder or the lock file was removed or replaced in between: try again.
    Changed,
}

/// A held lock. Released on drop, and its file removed.
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

    /// False if the file system has no locks.
    pub(super) fn is_held(&self) -> bool {
        self.held
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Remove the file while the lock is still held: afterwards the file could be another run's.
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
    use std::fs::{self, File, TryLockError};
    use std::io;
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;

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
            // The previous run removed the file after we opened it, so this lock would exclude nobody.
            Ok(()) => Ok(Outcome::Changed),
            Err(TryLockError::WouldBlock) => Ok(Outcome::Busy),
            Err(TryLockError::Error(e)) if is_unsupported(&e) => Ok(Outcome::Unsupported(file)),
            Err(TryLockError::Error(e)) => Err(e),
        }
    }

    /// Whether `path` still names the opened file.
    pub(super) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
        let opened = file.metadata()?;
        match fs::metadata(path) {
            Ok(named) => Ok(named.dev() == opened.dev() && named.ino() == opened.ino()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// Lustre without `-o flock` returns ENOSYS. NFS without its lock daemon returns ENOLCK, which has no `ErrorKind`.
    pub(super) fn is_unsupported(error: &io::Error) -> bool {
        const ENOLCK: i32 = if cfg!(any(target_os = "linux", target_os = "android")) { 37 } else { 77 };
        error.kind() == io::ErrorKind::Unsupported || error.raw_os_error() == Some(ENOLCK)
    }
}

#[cfg(windows)]
mod system {
    use std::fs::File;
    use std::io;
    use std::os::windows::fs::OpenOptionsExt;
    use std::path::Path;

    /// The system removes the file when its handle closes, even if the process is killed.
    pub(super) const REMOVED_ON_CLOSE: bool = true;

    const GENERIC_READ: u32 = 0x8000_0000;
    const GENERIC_WRITE: u32 = 0x4000_0000;
    const DELETE: u32 = 0x0001_0000;
    const FILE_FLAG_DELETE_ON_CLOSE: u32 = 0x0400_0000;
    const ERROR_SHARING_VIOLATION: i32 = 32;
    const ERROR_DELETE_PENDING: i32 = 303;

    #[allow(dead_code, reason = "one enum for all systems; here opening is locking, which every file system supports")]
    pub(super) enum Outcome {
        Locked(File),
        Unsupported(File),
        Busy,
        Changed,
    }

    /// Opening without sharing is the lock. No second handle can exist, so there is no race between opening and locking,
    /// and no reader can delay the removal of the file.
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

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::system::{is_at, is_unsupported};
    use std::fs::{self, File};
    use std::io;

    #[test]
    fn a_lock_on_a_removed_file_does_not_count() {
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
