//! Copies of inputs on a node's own disk, made once however many processes want them.
//!
//! Many tasks of a batch job run on one node at the same time. The first one that locks a file's place copies it, the
//! others wait; a copy appears under its name when it is complete and verified, so one that a killed process began is
//! never read. Copies are left where they are, since the tasks that come next want them: batch systems clear a job's
//! scratch folder when the job ends, and elsewhere the user does.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::base::error::{Error, Finding, Result};
use crate::formats::atomic_file::{AtomicFile, remove_unfinished};
use crate::formats::fingerprint::FileFingerprint;

/// How much is copied between two looks at whether to go on.
const CHUNK: usize = 1 << 20;

/// How long to wait before a held lock is tried again.
const POLL: Duration = Duration::from_millis(50);

/// A file whose content is at hand.
#[derive(Debug, Clone, PartialEq)]
pub struct Staged {
    /// The copy; the file itself where that lies in the scratch folder already.
    pub path: PathBuf,
    /// Bytes that this process copied: the file's size, or 0 where nothing was left to do.
    pub copied: u64,
    /// Time that it took, in seconds, waiting for others included.
    pub seconds: f64,
}

/// Copies `file` into `folder` (made where it is missing) unless a copy of it is there already. Processes that want the
/// same file at the same time wait for the one that copies. `go_on` is asked several times a second; its error ends the
/// copying or waiting.
///
/// The file is read once and the copy written once and read once, and both are compared by checksums of all their bytes.
/// A copy that is there already is compared as [`FileFingerprint`] does.
///
/// # Errors
/// `Input` where the file can't be read; `Failed` where there is no room, the file changes meanwhile, or the copy does not
/// hold what the file holds; what `go_on` says. Nothing is then left under the copy's name.
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
    // beside the copy and not with it, whatever the file's name is
    let lock = folder.join(name + ".lock");
    let turn = wait_for_turn(&lock, || is_copy(&path, &identity), go_on)?;
    if let Turn::Unneeded = turn {
        return Ok(staged(path, 0));
    }
    if let Turn::Locked(_) = turn {
        remove_unfinished(&home).map_err(|e| Error::io("can't remove what a killed run left", &home, &e))?;
    }
    let copy = verified_copy(file, &path, identity.bytes, go_on)?;
    if FileFingerprint::of(file)? != identity {
        return Err(changed(file));
    }
    copy.commit_unsynced().map_err(|e| uncopied(&path, &e))?;
    Ok(staged(path, identity.bytes))
}

/// Copies a file that was written to a node's own disk to where it is to stay, verified and on the disk; gives its size in
/// bytes. The file at `to` is replaced, or left as it is where this fails.
///
/// # Errors
/// `Failed` where a disk does, there is no room, or the copy does not hold what the file holds; what `go_on` says.
pub fn copy_back(local: &Path, to: &Path, go_on: &dyn Fn() -> Result<()>) -> Result<u64> {
    let size = fs::metadata(local).map_err(|e| unread(local, &e))?.len();
    verified_copy(local, to, size, go_on)?.commit().map_err(|e| uncopied(to, &e))?;
    Ok(size)
}

/// Names the folder of a file's copy. Files that could be told apart by anything have folders of their own: by their
/// content as far as it is looked at, and, since that is not all of it, by path and time. Users can't share a folder.
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

/// Makes a folder and those above it; nobody else can look into what is made.
fn make_folder(folder: &Path) -> Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|e| Error::io("can't make a folder for copies of inputs", folder, &e))
}

/// Whether a file is a copy. Anything else that may be there, such as what a cleaner of old files left, is copied over.
fn is_copy(path: &Path, identity: &FileFingerprint) -> bool {
    path.exists() && FileFingerprint::of(path).is_ok_and(|found| found.same_content(identity))
}

/// What [`wait_for_turn`] ended in.
enum Turn {
    /// The copy is there.
    Unneeded,
    /// This process copies, and nobody else while the file is open.
    Locked(#[expect(dead_code, reason = "held for its lock")] File),
    /// The folder knows no locks: whoever comes copies, and the last one's copy, which is the same, stays.
    Unlocked,
}

/// Waits until the copy `is_there`, or this process is the one to make it.
fn wait_for_turn(lock: &Path, is_there: impl Fn() -> bool, go_on: &dyn Fn() -> Result<()>) -> Result<Turn> {
    let file = File::options().read(true).write(true).create(true).truncate(false).open(lock);
    let file = file.map_err(|e| Error::io("can't open the lock of a copy", lock, &e))?;
    let mut waiting = false;
    loop {
        let locked = file.try_lock();
        // asked after the lock is taken: whoever held it may just have finished
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

/// Copies `size` bytes, all that `from` has, to a file that is to get the name `to`, and compares what is then read back.
fn verified_copy(from: &Path, to: &Path, size: u64, go_on: &dyn Fn() -> Result<()>) -> Result<AtomicFile> {
    check_room(to, size)?;
    // one byte more is enough to see that it grows
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
            Finding::new("the copy of a file does not hold what the file holds")
                .file(to)
                .expected(format!("checksum {read} of {}", from.display()))
                .found(format!("checksum {written}"))
                .hint("check that disk, or name a folder on another one"),
        ));
    }
    Ok(copy)
}

/// Reads a file to its end, handing on each chunk; gives the checksum and number of its bytes.
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

/// Refuses before the first byte what can't end well. Where a file system doesn't tell, writing will.
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
    Error::io("can't read a file that is to be copied", path, error)
}

fn uncopied(path: &Path, error: &io::Error) -> Error {
    Error::io("can't write the copy of a file", path, error)
}

fn changed(file: &Path) -> Error {
    Error::failed(
        Finding::new("a file changed while it was copied")
            .file(file)
            .expected("the same size, time and content before and after")
            .hint("run again once nothing writes it any more"),
    )
}
