//! Copies of input files on a node's scratch disk, made once for any number of processes.
//!
//! Many tasks of a batch job run on one node at the same time. The first one to lock a file's copy makes it, and the others
//! wait. A copy gets its name once it is complete and verified, so nobody reads a copy that a killed process began. Copies
//! stay for later tasks: batch systems clear a job's scratch folder when the job ends, and elsewhere the user does.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::base::error::{Error, Finding, Result};
use crate::formats::atomic_file::{AtomicFile, remove_unfinished};
use crate::formats::fingerprint::FileFingerprint;

/// Bytes copied between two calls of `go_on`.
const CHUNK: usize = 1 << 20;

/// Time between two attempts to take a lock.
const POLL: Duration = Duration::from_millis(50);

/// A local copy of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Staged {
    /// Path of the copy, or of the file itself if that is already in the scratch folder.
    pub path: PathBuf,
    /// Bytes that this process copied: the file's size, or 0 if the copy existed.
    pub copied: u64,
    /// Elapsed time in seconds, including the wait for other processes.
    pub seconds: f64,
}

/// Copies `file` into `folder` (created if missing) unless a copy exists there. Processes that need the same file at the same
/// time wait for the one that copies it. `go_on` is called several times a second; if it returns an error, copying or waiting
/// ends with that error.
///
/// The file is read once; the copy is written once and read back once. Both are compared by checksums of all bytes. An
/// existing copy is compared by [`FileFingerprint`].
///
/// # Errors
/// `Input` if the file can't be read. `Failed` if there is no room, the file changes in the meantime, or the copy differs.
/// The error of `go_on`. No incomplete copy is left under the copy's name.
pub fn stage(file: &Path, folder: &Path, go_on: &dyn Fn() -> Result<()>) -> Result<Staged> {
    let begun = Instant::now();
    let identity = FileFingerprint::of(file)?;
    make_folder(folder)?;
    let staged = |path, copied| Staged { path, copied, seconds: begun.elapsed().as_secs_f64() };
    let unresolved = |e: io::Error| Error::io("can't resolve a path", file, &e);
    let real = file.canonicalize().map_err(unresolved)?;
    if real.starts_with(folder.canonicalize().map_err(unresolved)?) {
        return Ok(staged(identity.path, 0));
    }
    let name = format!("clustrata-{}", key(&real, &identity));
    let home = folder.join(&name);
    make_folder(&home)?;
    let path = home.join(file.file_name().unwrap_or("input".as_ref()));
    // Outside the copy's folder, so that it can't collide with the file's name.
    let lock = folder.join(name + ".lock");
    let turn = wait_for_turn(&lock, || is_copy(&path, &identity), go_on)?;
    if let Turn::Unneeded = turn {
        return Ok(staged(path, 0));
    }
    if let Turn::Locked(_) = turn {
        remove_unfinished(&home).map_err(|e| Error::io("can't remove an unfinished copy", &home, &e))?;
    }
    let copy = verified_copy(file, &path, identity.bytes, go_on)?;
    if FileFingerprint::of(file)? != identity {
        return Err(changed(file));
    }
    copy.commit_unsynced().map_err(|e| uncopied(&path, &e))?;
    Ok(staged(path, identity.bytes))
}

/// Copies a file from a node's scratch disk to its final place, verifies it and writes it to the disk. Returns its size in
/// bytes. A file at `to` is replaced; on an error it is unchanged.
///
/// # Errors
/// `Failed` for an error of a disk, if there is no room, or if the copy differs. The error of `go_on`.
pub fn copy_back(local: &Path, to: &Path, go_on: &dyn Fn() -> Result<()>) -> Result<u64> {
    let size = fs::metadata(local).map_err(|e| unread(local, &e))?.len();
    verified_copy(local, to, size, go_on)?.commit().map_err(|e| uncopied(to, &e))?;
    Ok(size)
}

/// Name of the folder of a file's copy. It depends on the fingerprint of the content and, since that does not cover all
/// bytes, on path and time. It also depends on the user, because users can't share a folder.
fn key(real: &Path, identity: &FileFingerprint) -> String {
    let mut hasher = blake3::Hasher::new();
    let user = ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(std::env::var_os).unwrap_or_default();
    let parts = [
        user.as_encoded_bytes(),
        real.as_os_str().as_encoded_bytes(),
        identity.modified.as_deref().unwrap_or_default().as_bytes(),
        identity.checksum.as_bytes(),
    ];
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    hasher.finalize().to_hex()[..16].to_owned()
}

/// Creates a folder and its parents. New folders are private to the user.
fn make_folder(folder: &Path) -> Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|e| Error::io("can't create a folder for copies of inputs", folder, &e))
}

/// Whether `path` is a copy of the file. Anything else, such as a file truncated by a cleanup job, is overwritten.
fn is_copy(path: &Path, identity: &FileFingerprint) -> bool {
    path.exists() && FileFingerprint::of(path).is_ok_and(|found| found.same_content(identity))
}

/// Result of [`wait_for_turn`].
enum Turn {
    /// The copy exists.
    Unneeded,
    /// This process makes the copy. It holds the lock while the file is open.
    Locked(#[expect(dead_code, reason = "held for its lock")] File),
    /// The file system has no locks: every process makes the copy, and the last one's stays.
    Unlocked,
}

/// Waits until the copy exists (`is_there`) or this process may make it.
fn wait_for_turn(lock: &Path, is_there: impl Fn() -> bool, go_on: &dyn Fn() -> Result<()>) -> Result<Turn> {
    let file = File::options().read(true).write(true).create(true).truncate(false).open(lock);
    let file = file.map_err(|e| Error::io("can't open the lock of a copy", lock, &e))?;
    let mut waiting = false;
    loop {
        let locked = file.try_lock();
        // Check after taking the lock: its last holder may just have finished the copy.
        if is_there() {
            return Ok(Turn::Unneeded);
        }
        match locked {
            Ok(()) => return Ok(Turn::Locked(file)),
            Err(TryLockError::Error(error)) => {
                tracing::warn!("{} can't be locked ({error}): each process copies for itself", lock.display());
                return Ok(Turn::Unlocked);
            }
            Err(TryLockError::WouldBlock) if !waiting => {
                waiting = true;
                tracing::info!("waiting for the process that holds {}", lock.display());
            }
            Err(TryLockError::WouldBlock) => {}
        }
        go_on()?;
        thread::sleep(POLL);
    }
}

/// Copies `from`, which has `size` bytes, to an unfinished file for `to`, and compares checksums with what is read back.
fn verified_copy(from: &Path, to: &Path, size: u64, go_on: &dyn Fn() -> Result<()>) -> Result<AtomicFile> {
    check_room(to, size)?;
    // One byte more reveals that the file grew.
    let mut source = File::open(from).map_err(|e| unread(from, &e))?.take(size.saturating_add(1));
    let mut copy = AtomicFile::create(to).map_err(|e| uncopied(to, &e))?;
    let (read, bytes) = hash_all(
        &mut source,
        go_on,
        |e| unread(from, &e),
        |chunk| copy.write_all(chunk).map_err(|e| uncopied(to, &e)),
    )?;
    if bytes != size {
        return Err(changed(from));
    }
    let unread_copy = |e: io::Error| unread(to, &e);
    let mut again = File::open(copy.unfinished_path()).map_err(unread_copy)?;
    let (written, _) = hash_all(&mut again, go_on, unread_copy, |_| Ok(()))?;
    if read != written {
        return Err(Error::failed(
            Finding::new("the copy of a file differs from the file")
                .file(to)
                .expected(format!("checksum {read} of {}", from.display()))
                .found(format!("checksum {written}"))
                .hint("check the disk, or name a folder on another one"),
        ));
    }
    Ok(copy)
}

/// Reads a file to its end and passes each chunk to `hand_on`. Returns the checksum and the number of bytes.
fn hash_all(
    file: &mut impl io::Read,
    go_on: &dyn Fn() -> Result<()>,
    unread: impl Fn(io::Error) -> Error,
    mut hand_on: impl FnMut(&[u8]) -> Result<()>,
) -> Result<(blake3::Hash, u64)> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; CHUNK];
    loop {
        go_on()?;
        let chunk = match file.read(&mut buffer) {
            Ok(0) => return Ok((hasher.finalize(), hasher.count())),
            Ok(length) => &buffer[..length],
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(unread(e)),
        };
        hasher.update(chunk);
        hand_on(chunk)?;
    }
}

/// Checks for free space before the first byte is written. If the file system can't say, writing will.
fn check_room(to: &Path, size: u64) -> Result<()> {
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match fs4::available_space(folder) {
        Ok(available) if available < size => Err(Error::failed(
            Finding::new("there is not enough room for the copy of a file")
                .file(to)
                .expected(format!("{size} bytes"))
                .found(format!("{available} bytes available"))
                .hint("free some space, or name a folder on another disk"),
        )),
        _ => Ok(()),
    }
}

fn unread(path: &Path, error: &io::Error) -> Error {
    Error::io("can't read a file to copy", path, error)
}

fn uncopied(path: &Path, error: &io::Error) -> Error {
    Error::io("can't write the copy of a file", path, error)
}

fn changed(file: &Path) -> Error {
    Error::failed(
        Finding::new("a file changed while it was copied")
            .file(file)
            .expected("the same size, time and content before and after")
            .hint("run again once nothing writes to the file"),
    )
}
