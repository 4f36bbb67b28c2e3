//! Copies of rows of input files on a node's scratch disk, made once for any number of processes.
//!
//! Many tasks of a batch job run on one node at the same time. The first one to lock a copy makes it, and the others wait. A
//! copy gets its name once it is complete and verified, so nobody reads a copy that a killed process began. Copies stay for
//! later tasks, such as the same one when it was queued again: batch systems clear a job's scratch folder when the job ends,
//! and elsewhere the user does.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use fs4::FileExt as _;

use crate::base::error::{Error, Finding, Result};
use crate::base::numeric::to_usize;
use crate::formats::atomic_file::{AtomicFile, remove_unfinished};
use crate::formats::fingerprint::FileFingerprint;

/// Bytes copied between two calls of `go_on`, or one row if that is longer.
const CHUNK: usize = 1 << 20;

/// Time between two attempts to take a lock.
const POLL: Duration = Duration::from_millis(50);

/// Some rows of a file.
pub struct Rows<'a> {
    /// The file.
    pub file: &'a Path,
    /// Which of its rows, and what a reader makes of them: other texts have other copies.
    pub what: String,
    /// Bytes of a row.
    pub row_bytes: usize,
    /// Number of the rows.
    pub count: u64,
    /// Fills a buffer with rows, from one of them on, counted from 0.
    pub read: &'a dyn Fn(u64, &mut [u8]) -> Result<()>,
}

/// A local copy of rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Staged {
    /// Path of the copy, which holds the bytes of the rows and nothing else.
    pub path: PathBuf,
    /// Bytes that this process copied: all, or 0 if the copy existed.
    pub copied: u64,
    /// Elapsed time in seconds, including the wait for other processes.
    pub seconds: f64,
}

/// What [`stage`] did.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// There is a copy.
    Copied(Staged),
    /// The file is in the scratch folder itself.
    AlreadyThere,
    /// The disk is too small for so many bytes; it had so many available.
    NoRoom(u64, u64),
}

/// The folder of copies, and what ends the copying.
pub struct Copies<'a> {
    /// Created if missing.
    pub folder: &'a Path,
    /// Called several times a second. If it returns an error, copying or waiting ends with that error.
    pub go_on: &'a dyn Fn() -> Result<()>,
}

/// Where the copy of some rows is, or will be.
struct Place {
    identity: FileFingerprint,
    home: PathBuf,
    path: PathBuf,
    /// Outside the copy's folder, so that it can't collide with the file's name.
    lock: PathBuf,
}

impl Rows<'_> {
    fn bytes(&self) -> u64 {
        self.count.saturating_mul(self.row_bytes as u64)
    }
}

impl Copies<'_> {
    /// Copies rows into the folder unless a copy exists there. Processes that need the same rows at the same time wait for the
    /// one that copies them. Nothing is written if the disk has no room for all of them.
    ///
    /// The rows are read once; the copy is written once and read back once. Both are compared by checksums of all bytes. An
    /// existing copy is compared by its [`FileFingerprint`].
    ///
    /// # Errors
    /// `Input` if a file can't be read. `Failed` if it changes in the meantime, or the copy differs. The error of `go_on`. No
    /// incomplete copy is left under the copy's name.
    pub fn stage(&self, all: &[Rows<'_>]) -> Result<Vec<Outcome>> {
        let places = all.iter().map(|rows| self.place(rows)).collect::<Result<Vec<_>>>()?;
        let missing = places.iter().zip(all).filter_map(|(place, rows)| Some((place.as_ref()?, rows.bytes())));
        let needed = missing
            .filter(|(place, bytes)| !place.is_there(*bytes))
            .fold(0, |sum: u64, (_, bytes)| sum.saturating_add(bytes));
        // if the file system can't say, writing will
        let available = fs4::available_space(self.folder).unwrap_or(u64::MAX);
        if available < needed {
            return Ok(all.iter().map(|_| Outcome::NoRoom(needed, available)).collect());
        }
        let each = places.into_iter().zip(all);
        each.map(|(place, rows)| place.map_or(Ok(Outcome::AlreadyThere), |place| self.copy(rows, &place))).collect()
    }

    /// `None` if the file is in the scratch folder itself.
    fn place(&self, rows: &Rows<'_>) -> Result<Option<Place>> {
        let file = rows.file;
        let identity = FileFingerprint::of(file)?;
        make_folder(self.folder)?;
        let unresolved = |e: io::Error| Error::io("can't resolve a path", file, &e);
        let real = file.canonicalize().map_err(unresolved)?;
        if real.starts_with(self.folder.canonicalize().map_err(unresolved)?) {
            return Ok(None);
        }
        let name = format!("clustrata-{}", key(&real, &identity, &rows.what));
        let home = self.folder.join(&name);
        let mut copy = file.file_name().unwrap_or("input".as_ref()).to_owned();
        copy.push(".rows");
        Ok(Some(Place { identity, path: home.join(copy), home, lock: self.folder.join(name + ".lock") }))
    }

    /// Copies the rows, or waits for the process that does.
    fn copy(&self, rows: &Rows<'_>, place: &Place) -> Result<Outcome> {
        let begun = Instant::now();
        let staged = |copied| {
            Outcome::Copied(Staged { path: place.path.clone(), copied, seconds: begun.elapsed().as_secs_f64() })
        };
        make_folder(&place.home)?;
        let turn = wait_for_turn(&place.lock, || place.is_there(rows.bytes()), self.go_on)?;
        if let Turn::Unneeded = turn {
            return Ok(staged(0));
        }
        if let Turn::Locked(_) = turn {
            remove_unfinished(&place.home)
                .map_err(|e| Error::io("can't remove an unfinished copy", &place.home, &e))?;
        }
        let mut file = AtomicFile::create(&place.path).map_err(|e| uncopied(&place.path, &e))?;
        // other processes may have taken the room meanwhile
        if let Err(e) = File::options().write(true).open(file.unfinished_path()).and_then(|f| f.allocate(rows.bytes()))
            && is_full(&e)
        {
            return Ok(self.no_room(rows.bytes()));
        }
        let fitted = self.fill(&mut file, rows, &place.path);
        if FileFingerprint::of(rows.file)? != place.identity {
            return Err(changed(rows.file));
        }
        if !fitted? {
            return Ok(self.no_room(rows.bytes()));
        }
        place.describe(file.unfinished_path())?;
        file.commit_unsynced().map_err(|e| uncopied(&place.path, &e))?;
        Ok(staged(rows.bytes()))
    }

    fn no_room(&self, bytes: u64) -> Outcome {
        Outcome::NoRoom(bytes, fs4::available_space(self.folder).unwrap_or(0))
    }

    /// Writes the rows, and compares checksums with what is read back. False if the disk is full.
    fn fill(&self, file: &mut AtomicFile, rows: &Rows<'_>, to: &Path) -> Result<bool> {
        let mut hasher = blake3::Hasher::new();
        let most = (CHUNK / rows.row_bytes.max(1)).max(1) as u64;
        let mut buffer = Vec::new();
        let mut row = 0;
        while row < rows.count {
            (self.go_on)()?;
            let count = most.min(rows.count - row);
            buffer.resize(to_usize(count) * rows.row_bytes, 0);
            (rows.read)(row, &mut buffer)?;
            hasher.update(&buffer);
            match file.write_all(&buffer) {
                Err(e) if is_full(&e) => return Ok(false),
                written => written.map_err(|e| uncopied(to, &e))?,
            }
            row += count;
        }
        same_as_written(file, hasher.finalize(), rows.file, to, self.go_on)?;
        Ok(true)
    }
}

impl Place {
    /// Whether there is a complete copy. Anything else, such as a file truncated by a cleanup job, is overwritten.
    fn is_there(&self, bytes: u64) -> bool {
        let described = fs::read(self.description()).ok();
        let described = described.and_then(|text| serde_json::from_slice::<FileFingerprint>(&text).ok());
        described.is_some_and(|known| {
            known.bytes == bytes
                && self.path.exists()
                && FileFingerprint::of(&self.path).is_ok_and(|found| found.same_content(&known))
        })
    }

    /// Notes the fingerprint of the complete copy, which is still at `unfinished`.
    fn describe(&self, unfinished: &Path) -> Result<()> {
        let fingerprint = FileFingerprint { path: self.path.clone(), ..FileFingerprint::of(unfinished)? };
        let path = self.description();
        let text = serde_json::to_vec(&fingerprint).map_err(io::Error::from);
        let written = text.and_then(|text| {
            let mut file = AtomicFile::create(&path)?;
            file.write_all(&text)?;
            file.commit_unsynced()
        });
        written.map_err(|e| uncopied(&path, &e))
    }

    fn description(&self) -> PathBuf {
        self.path.with_extension("rows.json")
    }
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

/// Name of the folder of a copy. It depends on the rows, on the fingerprint of the file's content and, since that does not
/// cover all bytes, on path and time. It also depends on the user, because users can't share a folder.
fn key(real: &Path, identity: &FileFingerprint, what: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    let user = ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(std::env::var_os).unwrap_or_default();
    let parts = [
        user.as_encoded_bytes(),
        real.as_os_str().as_encoded_bytes(),
        identity.modified.as_deref().unwrap_or_default().as_bytes(),
        identity.checksum.as_bytes(),
        what.as_bytes(),
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
    same_as_written(&copy, read, from, to, go_on)?;
    Ok(copy)
}

/// Reads an unfinished file for `to` back, and compares it with the checksum of what was written.
fn same_as_written(
    copy: &AtomicFile,
    expected: blake3::Hash,
    from: &Path,
    to: &Path,
    go_on: &dyn Fn() -> Result<()>,
) -> Result<()> {
    let unread_copy = |e: io::Error| unread(to, &e);
    let mut again = File::open(copy.unfinished_path()).map_err(unread_copy)?;
    let (written, _) = hash_all(&mut again, go_on, unread_copy, |_| Ok(()))?;
    if expected == written {
        return Ok(());
    }
    Err(Error::failed(
        Finding::new("the copy of a file differs from the file")
            .file(to)
            .expected(format!("checksum {expected} of {}", from.display()))
            .found(format!("checksum {written}"))
            .hint("check the disk, or name a folder on another one"),
    ))
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

/// Whether the disk, or the user's share of it, is full.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
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
