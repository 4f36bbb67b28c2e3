//! The output folder: lock, staging, commit.
//!
//! A run can take hours and end at any moment, so no file gets its final name before all files are complete.
//! [`OutputFolder::prepare`] locks the folder and creates a hidden staging folder *inside* it, so that both are on one file
//! system and every later move is a rename. Writers write below [`OutputFolder::staging`]. [`OutputFolder::commit`] moves
//! everything into place, `record.json` last: a folder that holds it is complete. If dropped without a commit (an error,
//! Ctrl-C, a panic), it removes the staging folder, the lock and every folder it created, except for folders that another
//! run has started to use.
//!
//! A killed process can't clean up. The system releases its lock, and the next run removes its staging folder.

mod created;
mod lock;
mod moves;
mod names;
mod room;

use crate::base::error::{Error, Finding, Result};
use created::{Created, create_missing};
use lock::{Acquired, Lock};
use moves::Moves;
use names::Contents;
use std::fs;
use std::path::{Component, Path, PathBuf};

pub(crate) use moves::files_below;
pub use names::{ASSIGNMENT, PARTS, RECORD, TRACK_LOG};
pub(crate) use room::describe_bytes;
pub use room::ensure_room;

/// Start of the staging folder's name. The rest is unique, because two runs can share a folder without lock support.
const STAGING: &str = ".clustrata-staging";

/// Folder inside the staging folder where a commit keeps the files it replaces until all new ones are in place.
const REPLACED: &str = ".replaced";

/// Attempts to create and lock a folder that another run may remove in between.
const ATTEMPTS: usize = 16;

/// What to do with the files of an earlier run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Earlier {
    /// Fail in `prepare`.
    Refuse,
    /// Remove all of them in `commit`.
    Replace,
    /// Replace only those that are written again.
    Keep,
}

/// A locked output folder that a run is writing. The [module](self) describes its life cycle.
// The drop order of the fields matters: first the staging folder, then the lock, then the folders that hold both.
#[derive(Debug)]
pub struct OutputFolder {
    staging: Staging,
    _lock: Lock,
    created: Created,
    root: PathBuf,
    earlier: Earlier,
    contents: Contents,
    /// Files of an earlier run to remove in `commit` even with [`Earlier::Keep`].
    outdated: Vec<PathBuf>,
    warnings: Vec<String>,
}

impl OutputFolder {
    /// Creates `path` and its parents if missing, locks it and creates its staging folder.
    ///
    /// # Errors
    /// `Usage` if it holds an earlier run's files and `force` is not set, if it is a clustering, or if it is not a folder.
    /// `Failed` if another run is writing it or if it is not writable.
    pub fn prepare(path: &Path, force: bool) -> Result<Self> {
        Self::open(path, Contents::Run, if force { Earlier::Replace } else { Earlier::Refuse })
    }

    /// Prepares a folder for tables and plots of many runs. It recognises only an earlier collection's files, so it never
    /// touches a run's. `metrics` are the names of all metrics that a collection can plot.
    ///
    /// # Errors
    /// As [`OutputFolder::prepare`].
    pub fn prepare_collection(
        path: &Path,
        force: bool,
        metrics: impl IntoIterator<Item = &'static str>,
    ) -> Result<Self> {
        let plotted = metrics.into_iter().collect();
        Self::open(path, Contents::Collection { plotted }, if force { Earlier::Replace } else { Earlier::Refuse })
    }

    /// Prepares a folder for the comparison of two runs.
    ///
    /// # Errors
    /// As [`OutputFolder::prepare`].
    pub fn prepare_comparison(path: &Path, force: bool) -> Result<Self> {
        Self::open(path, Contents::Comparison, if force { Earlier::Replace } else { Earlier::Refuse })
    }

    /// Prepares a folder for the labels of rows that are assigned to centroids.
    ///
    /// # Errors
    /// As [`OutputFolder::prepare`]; `Usage` also if it holds the results of `metrics`, whose distances would be replaced.
    pub fn prepare_assignment(path: &Path, force: bool) -> Result<Self> {
        refuse_results(path)?;
        Self::open(path, Contents::Assignment, if force { Earlier::Replace } else { Earlier::Refuse })
    }

    /// Locks the folder of a finished run to write some of its files again. The others stay.
    ///
    /// # Errors
    /// `Usage` if the folder holds no finished run; otherwise as [`OutputFolder::prepare`].
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
        if matches!(contents, Contents::Run | Contents::Assignment) {
            refuse_clustering(&root)?;
        }
        if earlier == Earlier::Refuse {
            refuse_earlier(&root, &contents)?;
        }
        let mut warnings = Vec::new();
        if lock.is_held() {
            remove_stale_staging(&root)?;
        } else {
            warnings.push(format!(
                "{}: its file system has no locks, so nothing prevents a second run from writing there at the same time",
                root.display()
            ));
        }
        let staging = Staging::create(&root)?;
        Ok(OutputFolder { staging, _lock: lock, created, root, earlier, contents, outdated: Vec::new(), warnings })
    }

    /// Marks the pictures of an earlier report for removal in `commit`, unless they are written again.
    ///
    /// # Errors
    /// `Failed` if the folder can't be listed.
    pub fn drop_pictures(&mut self) -> Result<()> {
        self.outdated = names::pictures_in(&self.root)?;
        Ok(())
    }

    /// The folder itself, as an absolute path.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Warnings for the user that don't stop the run.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The path at which to write the file that [`commit`](Self::commit) moves to `relative`. Creates its parents.
    ///
    /// # Errors
    /// `Failed` if a parent can't be created.
    ///
    /// # Panics
    /// If `relative` is not a plain relative path, since the program itself names its output files.
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

    /// Moves all staged files into place, `record.json` last. On an error they are moved back.
    ///
    /// Files that no run wrote stay. Files of an earlier run that this run did not write again are removed after
    /// [`prepare`](Self::prepare) with `force`, and stay after [`reopen`](Self::reopen).
    ///
    /// # Errors
    /// `Failed` if a move fails. The folder is then as it was before.
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
        let mut staged = files_below(&self.staging.0)?;
        // The sort is stable, so the others keep their order.
        let is_record = |file: &PathBuf| [RECORD, ASSIGNMENT].map(Path::new).contains(&file.as_path());
        staged.sort_by_key(is_record);
        let mut replaced = match self.earlier {
            Earlier::Keep => self.outdated.clone(),
            Earlier::Refuse | Earlier::Replace => names::ours_in(&self.root, &self.contents)?,
        };
        replaced.extend(staged.iter().filter(|f| self.root.join(f).is_file()).cloned());
        // The old record goes first and the new one comes last, so a record never lies beside files of another run.
        replaced.sort_by_key(|file| !is_record(file));
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

/// The locked folder of one part of a run. Folders created for it are removed on drop unless kept.
#[derive(Debug)]
pub struct LockedFolder {
    lock: Lock,
    created: Created,
}

impl LockedFolder {
    /// Creates `path` and its parents if missing, and locks it.
    ///
    /// # Errors
    /// `Failed` if another process holds it or it is not writable. `Usage` if it is not a folder.
    pub fn open(path: &Path) -> Result<Self> {
        let (lock, created) = lock_folder(path)?;
        Ok(LockedFolder { lock, created })
    }

    /// False if the file system has no locks.
    pub fn is_held(&self) -> bool {
        self.lock.is_held()
    }

    /// Locks an existing folder. `None` while another process holds it.
    ///
    /// # Errors
    /// `Failed` if it is not writable.
    pub fn try_open(path: &Path) -> Result<Option<Self>> {
        match Lock::acquire(path).map_err(|e| unwritable(path, &e))? {
            Acquired::Locked(lock) => Ok(Some(LockedFolder { lock, created: Created::default() })),
            Acquired::Busy | Acquired::Changed => Ok(None),
        }
    }

    /// Keeps the folders that were created.
    pub fn keep(&mut self) {
        self.created.keep();
    }
}

/// Refuses an output folder that is a clustering.
///
/// # Errors
/// `Usage` if `path` is a clustering.
pub fn refuse_to_write_into_clustering(path: &Path) -> Result<()> {
    refuse_clustering(path)
}

/// The staging folder. Removed on drop with everything in it.
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

/// Creates `root` and its parents if missing, and locks it.
fn lock_folder(root: &Path) -> Result<(Lock, Created)> {
    for _ in 0..ATTEMPTS {
        let created = create_missing(root)?;
        match Lock::acquire(root).map_err(|e| unwritable(root, &e))? {
            Acquired::Locked(lock) => return Ok((lock, created)),
            Acquired::Changed => {}
            Acquired::Busy => return Err(busy(root)),
        }
    }
    // A process that creates and removes the folder so often is using it.
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
            Finding::new("the output folder is a clustering, whose files the run would overwrite")
                .file(root)
                .found(file.display().to_string())
                .hint("name another folder with --out, for example metrics/ inside this one"),
        )),
    }
}

/// `metrics` writes files of the same names.
fn refuse_results(root: &Path) -> Result<()> {
    if !root.join(RECORD).exists() {
        return Ok(());
    }
    Err(Error::usage(
        Finding::new("the output folder holds the results of `metrics`, whose distances this assignment would replace")
            .file(root)
            .found(RECORD)
            .hint("name another folder with --out"),
    ))
}

fn refuse_earlier(root: &Path, contents: &Contents) -> Result<()> {
    if *contents == Contents::Run && root.join(RECORD).exists() {
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
        Contents::Run => ("this run", format!("{file}, but no {RECORD} to show that a run wrote it")),
        Contents::Collection { .. } => ("this collection", file.to_string()),
        Contents::Comparison => ("this comparison", file.to_string()),
        Contents::Assignment => ("this assignment", file.to_string()),
    };
    Err(Error::usage(
        Finding::new(format!("the output folder holds files that {what} would overwrite"))
            .file(root)
            .found(found)
            .hint("overwrite them with --force, or name another folder with --out"),
    ))
}

/// Removes the staging folders of killed runs. The caller must hold the lock, or they could belong to a running one.
fn remove_stale_staging(root: &Path) -> Result<()> {
    let unreadable = |e: std::io::Error| Error::io("can't list the output folder", root, &e);
    for entry in fs::read_dir(root).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if entry.file_name().to_string_lossy().starts_with(STAGING) {
            let path = entry.path();
            fs::remove_dir_all(&path)
                .map_err(|e| Error::io("can't remove the staging folder of a killed run", &path, &e))?;
        }
    }
    Ok(())
}
