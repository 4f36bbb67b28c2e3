//! The output folder: lock, staging, commit.
//!
//! A run can take hours and end at any moment, so nothing is written under its final name before all of it is there.
//! [`OutputFolder::prepare`] locks the folder and makes a hidden staging folder *inside* it (one file system, so that
//! every later move is a rename). Writers write below [`OutputFolder::staging`]. [`OutputFolder::commit`] moves
//! everything into place, `record.json` last: a folder that holds it is complete. Dropped without a commit (an error,
//! Ctrl-C, a panic), it takes staging, lock and every folder it created with it (a folder that another run has entered
//! by then stays).
//!
//! A killed process can't clean up. Its lock goes with it, and the next run removes its staging.

mod created;
mod lock;
mod moves;
mod names;

use crate::base::error::{Error, Finding, Result};
use created::{Created, create_missing};
use lock::{Acquired, Lock};
use moves::Moves;
use names::Contents;
use std::fs;
use std::path::{Component, Path, PathBuf};

pub use names::{RECORD, TRACK_LOG};

/// Start of the staging folder's name; the rest tells runs apart where locks are not supported.
const STAGING: &str = ".clustrata-staging";

/// Where a commit keeps what it replaces until all of it is in place, inside the staging folder.
const REPLACED: &str = ".replaced";

/// How often a folder that vanishes between two steps (another run that cleans up after itself) is made again.
const ATTEMPTS: usize = 16;

/// What becomes of an earlier run's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Earlier {
    /// They are an error when a run is prepared.
    Refuse,
    /// They are removed at the commit, rewritten or not.
    Replace,
    /// Only those written again are replaced.
    Keep,
}

/// A locked output folder that a run is writing; see the [module](self) for its life.
// The fields drop in this order, and it matters: staging first, then the lock, then the folders that hold both.
#[derive(Debug)]
pub struct OutputFolder {
    staging: Staging,
    _lock: Lock,
    created: Created,
    root: PathBuf,
    earlier: Earlier,
    contents: Contents,
    /// Files of an earlier run that go at the commit, whatever becomes of the others.
    outdated: Vec<PathBuf>,
    warnings: Vec<String>,
}

impl OutputFolder {
    /// Creates `path` where it is missing (with its parents), locks it and makes its staging folder.
    ///
    /// # Errors
    /// `Usage` when it holds an earlier run's files and not `force`, when it is a clustering itself, or when it is not
    /// a folder; `Failed` when another run is writing it or when it can't be written.
    pub fn prepare(path: &Path, force: bool) -> Result<Self> {
        Self::open(path, Contents::Run, if force { Earlier::Replace } else { Earlier::Refuse })
    }

    /// The same for tables and plots of many runs, of which a folder of its own is known by other names: it never touches
    /// a run's files.
    ///
    /// # Errors
    /// As [`OutputFolder::prepare`].
    pub fn prepare_collection(path: &Path, force: bool) -> Result<Self> {
        Self::open(path, Contents::Collection, if force { Earlier::Replace } else { Earlier::Refuse })
    }

    /// The same for the comparison of two runs.
    ///
    /// # Errors
    /// As [`OutputFolder::prepare`].
    pub fn prepare_comparison(path: &Path, force: bool) -> Result<Self> {
        Self::open(path, Contents::Comparison, if force { Earlier::Replace } else { Earlier::Refuse })
    }

    /// Locks the folder of a finished run to write some of its files again; the others stay.
    ///
    /// # Errors
    /// `Usage` when the folder holds no finished run; otherwise as [`OutputFolder::prepare`].
    pub fn reopen(path: &Path) -> Result<Self> {
        let record = path.join(RECORD);
        if !record.is_file() {
            return Err(Error::usage(
                Finding::new("the folder holds no finished run")
                    .file(path)
                    .expected(format!("{RECORD} in it"))
                    .hint("name the folder that `clustrata metrics` wrote"),
            ));
        }
        Self::open(path, Contents::Run, Earlier::Keep)
    }

    fn open(path: &Path, contents: Contents, earlier: Earlier) -> Result<Self> {
        let root =
            std::path::absolute(path).map_err(|e| Error::io("the output folder has no usable path", path, &e))?;
        let (lock, created) = lock_folder(&root)?;
        if contents == Contents::Run {
            refuse_clustering(&root)?;
        }
        if earlier == Earlier::Refuse {
            refuse_earlier(&root, contents)?;
        }
        let mut warnings = Vec::new();
        if lock.is_held() {
            remove_stale_staging(&root)?;
        } else {
            warnings.push(format!(
                "{}: its file system has no locks, so nothing keeps a second run from writing there as well",
                root.display()
            ));
        }
        let staging = Staging::create(&root)?;
        Ok(OutputFolder { staging, _lock: lock, created, root, earlier, contents, outdated: Vec::new(), warnings })
    }

    /// Lets the pictures of an earlier report go at the commit, but for those that are written again.
    ///
    /// # Errors
    /// `Failed` when the folder can't be listed.
    pub fn drop_pictures(&mut self) -> Result<()> {
        self.outdated = names::pictures_in(&self.root)?;
        Ok(())
    }

    /// The folder itself, as an absolute path.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// What a user should know though the run goes on.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Where to write the file that [`commit`](Self::commit) moves to `relative`; makes its parents.
    ///
    /// # Errors
    /// `Failed` when a parent can't be made.
    ///
    /// # Panics
    /// When `relative` is not a plain relative path: names of output files are the program's own.
    pub fn staging(&self, relative: impl AsRef<Path>) -> Result<PathBuf> {
        let relative = relative.as_ref();
        assert!(
            relative.components().all(|c| matches!(c, Component::Normal(_))),
            "{} leaves the output folder",
            relative.display()
        );
        let path = self.staging.0.join(relative);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|e| Error::io("can't create a folder", parent, &e))?;
        }
        Ok(path)
    }

    /// Moves everything staged into place, `record.json` last. On an error all of it is moved back.
    ///
    /// Files of others stay. Of an earlier run's files, those that this one did not write again are removed after
    /// [`prepare`](Self::prepare) with `force`, and stay after [`reopen`](Self::reopen).
    ///
    /// # Errors
    /// `Failed` when a move fails; the folder is then as it was before.
    pub fn commit(mut self) -> Result<()> {
        let mut moves = Moves::default();
        if let Err(error) = self.move_all(&mut moves) {
            moves.undo();
            return Err(error);
        }
        self.created.keep();
        Ok(())
    }

    fn move_all(&self, moves: &mut Moves) -> Result<()> {
        let mut staged = moves::files_below(&self.staging.0)?;
        // Stable, so the others keep their order.
        staged.sort_by_key(|file| file == Path::new(RECORD));
        let mut replaced = match self.earlier {
            Earlier::Keep => self.outdated.clone(),
            Earlier::Refuse | Earlier::Replace => names::ours_in(&self.root, self.contents)?,
        };
        replaced.extend(staged.iter().filter(|f| self.root.join(f).is_file()).cloned());
        // The old record goes first, as the new one comes last: no moment shows a record beside files of another run.
        replaced.sort_by_key(|file| file != Path::new(RECORD));
        let aside = self.staging.0.join(REPLACED);
        for file in &replaced {
            let from = self.root.join(file);
            if from.exists() {
                moves.rename(&from, &aside.join(file))?;
            }
        }
        for file in &staged {
            moves.rename(&self.staging.0.join(file), &self.root.join(file))?;
        }
        names::remove_emptied_folders(&self.root, &replaced);
        Ok(())
    }
}

/// Refuses to start what would not fit: `bytes` against what the file system of `folder` has available.
///
/// # Errors
/// `Failed` when there is less, with both numbers.
pub fn ensure_room(folder: &Path, bytes: u64) -> Result<()> {
    let available = fs4::available_space(folder)
        .map_err(|e| Error::io("can't ask the file system for its free space", folder, &e))?;
    if available >= bytes {
        return Ok(());
    }
    Err(Error::failed(
        Finding::new("there is not enough room for the output")
            .file(folder)
            .expected(format!("{} available", describe_bytes(bytes)))
            .found(describe_bytes(available))
            .hint("free some space, or name a folder on another disk with --out; metrics can leave out --distances"),
    ))
}

/// A folder of a part of a run, locked; what was created for it goes with it unless kept.
#[derive(Debug)]
pub struct LockedFolder {
    lock: Lock,
    created: Created,
}

impl LockedFolder {
    /// Creates `path` where it is missing (with its parents) and locks it.
    ///
    /// # Errors
    /// `Failed` when another process holds it or it can't be written; `Usage` when it is not a folder.
    pub fn open(path: &Path) -> Result<Self> {
        let (lock, created) = lock_folder(path)?;
        Ok(LockedFolder { lock, created })
    }

    /// False where the file system knows no locks.
    pub fn is_held(&self) -> bool {
        self.lock.is_held()
    }

    /// Locks a folder that is there; `None` while another process holds it.
    ///
    /// # Errors
    /// `Failed` where it can't be written.
    pub fn try_open(path: &Path) -> Result<Option<Self>> {
        match Lock::acquire(path).map_err(|e| unwritable(path, &e))? {
            Acquired::Locked(lock) => Ok(Some(LockedFolder { lock, created: Created::default() })),
            Acquired::Busy | Acquired::Changed => Ok(None),
        }
    }

    /// What was created stays.
    pub fn keep(&mut self) {
        self.created.keep();
    }
}

/// Refuses to write into a clustering.
///
/// # Errors
/// `Usage` when `path` is one.
pub fn refuse_to_write_into_clustering(path: &Path) -> Result<()> {
    refuse_clustering(path)
}

/// `bytes` for a person and exactly: `1.5 GB (1500000000 bytes)`.
pub(crate) fn describe_bytes(bytes: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match UNITS.iter().find(|(unit, _)| bytes >= *unit) {
        // One decimal, by integers: float formatting would round 999_999 up to "1000.0 kB".
        Some((unit, name)) => format!("{}.{} {name} ({bytes} bytes)", bytes / unit, bytes % unit * 10 / unit),
        None => format!("{bytes} bytes"),
    }
}

/// The staging folder; removed with all it holds.
#[derive(Debug)]
struct Staging(PathBuf);

impl Staging {
    fn create(root: &Path) -> Result<Self> {
        let nanoseconds =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.subsec_nanos());
        let path = root.join(format!("{STAGING}-{}-{nanoseconds}", std::process::id()));
        fs::create_dir(&path).map_err(|e| unwritable(root, &e))?;
        Ok(Staging(path))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!("{} could not be removed: {error}", self.0.display());
        }
    }
}

/// Creates what is missing of `root` and locks it.
fn lock_folder(root: &Path) -> Result<(Lock, Created)> {
    for _ in 0..ATTEMPTS {
        let created = create_missing(root)?;
        match Lock::acquire(root).map_err(|e| unwritable(root, &e))? {
            Acquired::Locked(lock) => return Ok((lock, created)),
            Acquired::Changed => {}
            Acquired::Busy => return Err(busy(root)),
        }
    }
    // Whoever creates and removes the folder that often is at work on it.
    Err(busy(root))
}

fn busy(root: &Path) -> Error {
    Error::failed(
        Finding::new("another run is writing this output folder")
            .file(root)
            .found("its lock is held")
            .hint("wait until that run has ended, or name another folder with --out"),
    )
}

fn unwritable(root: &Path, error: &std::io::Error) -> Error {
    Error::failed(
        Finding::new("the output folder can't be written")
            .file(root)
            .found(error.to_string())
            .hint("check its owner, permissions and mount, or name another folder with --out"),
    )
}

/// A clustering has a `config.yaml` and `levelN/` of its own: `--out CLUSTERING` must never write over them.
fn refuse_clustering(root: &Path) -> Result<()> {
    match names::clustering_file_in(root)? {
        None => Ok(()),
        Some(file) => Err(Error::usage(
            Finding::new("the output folder is a clustering itself, whose files a run would write over")
                .file(root)
                .found(file.display().to_string())
                .hint("name another folder with --out, for example metrics/ inside this one"),
        )),
    }
}

fn refuse_earlier(root: &Path, contents: Contents) -> Result<()> {
    if contents == Contents::Run && root.join(RECORD).exists() {
        return Err(Error::usage(
            Finding::new("the output folder holds a finished run")
                .file(root)
                .found(RECORD)
                .hint("replace that run with --force, or name another folder with --out"),
        ));
    }
    let ours = names::ours_in(root, contents)?;
    let Some(file) = ours.first().map(|file| file.display()) else { return Ok(()) };
    let (what, found) = match contents {
        Contents::Run => ("this run", format!("{file}, and no {RECORD} that would say a run wrote it")),
        Contents::Collection => ("this collection", file.to_string()),
        Contents::Comparison => ("this comparison", file.to_string()),
    };
    Err(Error::usage(
        Finding::new(format!("the output folder holds files that {what} would write over"))
            .file(root)
            .found(found)
            .hint("write over them with --force, or name another folder with --out"),
    ))
}

/// What a killed run left. Only under the lock: otherwise it could be a living run's.
fn remove_stale_staging(root: &Path) -> Result<()> {
    let unreadable = |e: std::io::Error| Error::io("can't list the output folder", root, &e);
    for entry in fs::read_dir(root).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if entry.file_name().to_string_lossy().starts_with(STAGING) {
            let path = entry.path();
            fs::remove_dir_all(&path).map_err(|e| Error::io("can't remove what a killed run left", &path, &e))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_told_for_people_and_exactly() {
        assert_eq!(describe_bytes(0), "0 bytes");
        assert_eq!(describe_bytes(999), "999 bytes");
        assert_eq!(describe_bytes(1_000), "1.0 kB (1000 bytes)");
        assert_eq!(describe_bytes(999_999), "999.9 kB (999999 bytes)");
        assert_eq!(describe_bytes(1_550_000_000), "1.5 GB (1550000000 bytes)");
        assert_eq!(describe_bytes(u64::MAX), "18446744.0 TB (18446744073709551615 bytes)");
    }
}
