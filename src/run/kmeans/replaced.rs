//! The clustering that a run replaces. It lies in a folder of its own inside the output folder until the new one is finished,
//! and is brought back if the new one is refused or ends before it can be resumed.
//!
//! ```text
//! CLUSTERING/.clustrata-replaced/   the replaced clustering, whole
//! CLUSTERING/.clustrata-moving/     the same while its files are being moved, either way
//! ```
//!
//! Every move is a rename within one file system. If the process is killed at any moment, the folder is in one of these
//! states, from which [`recover`] continues:
//!
//! | found | meaning | next |
//! |---|---|---|
//! | `.clustrata-moving` | the new run has not begun, or has been refused | move the files back |
//! | `.clustrata-replaced` without a record of the new run | the same | remove what the new run wrote, move the files back |
//! | `.clustrata-replaced`, unfinished record | the new run can be resumed | keep both |
//! | `.clustrata-replaced`, complete record | the new run is finished | remove the replaced clustering |
//!
//! If a run replaces an unfinished one that itself replaces a clustering, both are set aside, one inside the other.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Result};
use crate::formats::folder::files_below;
use crate::formats::hierarchy_writer;
use crate::plan::record::KmeansRecord;

const REPLACED: &str = ".clustrata-replaced";
const MOVING: &str = ".clustrata-moving";

/// Name of the settings.
pub(super) const CONFIG: &str = "config.yaml";

/// Name of the log of this run and of those it resumes.
pub const LOG: &str = "log.txt";

/// Start of the names of both folders.
pub(super) const HIDDEN: &str = ".clustrata-";

/// The folder of the replaced clustering, if there is one.
pub(super) fn folder_in(clustering: &Path) -> Option<PathBuf> {
    Some(clustering.join(REPLACED)).filter(|folder| folder.is_dir())
}

/// Whether a run in the folder has finished a step or stored a checkpoint.
pub(super) fn can_be_resumed(clustering: &Path) -> bool {
    let steps = KmeansRecord::of(clustering).ok().flatten().is_some_and(|record| !record.steps.is_empty());
    steps || hierarchy_writer::has_checkpoint(clustering)
}

/// Sets the clustering in the folder aside. Other files stay. On an error the folder is as it was.
pub(super) fn set_aside(clustering: &Path) -> Result<()> {
    hierarchy_writer::remove_unfinished(clustering)?;
    // a run without results is not worth keeping: set aside the clustering that it was to replace instead
    if folder_in(clustering).is_some() && !can_be_resumed(clustering) {
        bring_back(clustering)?;
    }
    if let Err(error) = move_out(clustering) {
        recover(clustering)?;
        return Err(error);
    }
    hierarchy_writer::remove_empty_folders(clustering);
    tracing::info!("the earlier clustering is kept in {} until this one is finished", REPLACED);
    Ok(())
}

/// Removes the run in the folder, and moves the clustering that it replaces back.
pub(super) fn bring_back(clustering: &Path) -> Result<()> {
    let (replaced, moving) = (clustering.join(REPLACED), clustering.join(MOVING));
    // first the record: without it, `recover` calls this function again
    remove(&clustering.join(KmeansRecord::NAME))?;
    hierarchy_writer::clear(clustering)?;
    own_names(&replaced).iter().try_for_each(|name| remove(&clustering.join(name)))?;
    rename(&replaced, &moving)?;
    move_back(clustering)
}

/// Removes the replaced clustering, because the new one is finished.
pub(super) fn discard(clustering: &Path) {
    if let Some(replaced) = folder_in(clustering)
        && let Err(error) = fs::remove_dir_all(&replaced)
    {
        tracing::warn!("can't remove the replaced clustering in {}: {error}", replaced.display());
    }
}

/// Continues where a killed process stopped. The caller holds the lock of the folder.
pub(super) fn recover(clustering: &Path) -> Result<()> {
    let back = "restored the clustering that a stopped run was to replace";
    if clustering.join(MOVING).is_dir() {
        move_back(clustering)?;
        tracing::warn!("{}: {back}", clustering.display());
    }
    if folder_in(clustering).is_some() {
        match KmeansRecord::of(clustering) {
            Ok(None) => {
                bring_back(clustering)?;
                tracing::warn!("{}: {back}", clustering.display());
            }
            Ok(Some(record)) if record.complete => discard(clustering),
            Ok(Some(_)) | Err(_) => {}
        }
    }
    Ok(())
}

/// Names of the files beside the levels that belong to a clustering. A log without a record is not ours.
fn own_names(clustering: &Path) -> Vec<&'static str> {
    let logged = clustering.join(KmeansRecord::NAME).exists();
    [KmeansRecord::NAME, CONFIG].into_iter().chain(logged.then_some(LOG)).collect()
}

fn move_out(clustering: &Path) -> Result<()> {
    let moving = clustering.join(MOVING);
    fs::create_dir(&moving).map_err(|e| cannot(&moving, &e))?;
    let own = own_names(clustering).into_iter().map(PathBuf::from).filter(|name| clustering.join(name).exists());
    let mut files: Vec<PathBuf> = own.collect();
    files.extend(hierarchy_writer::files(clustering)?);
    files.extend(folder_in(clustering).map(|_| PathBuf::from(REPLACED)));
    files.iter().try_for_each(|file| rename(&clustering.join(file), &moving.join(file)))?;
    rename(&moving, &clustering.join(REPLACED))
}

/// Moves all files back, the record last.
fn move_back(clustering: &Path) -> Result<()> {
    let moving = clustering.join(MOVING);
    let mut files = files_below(&moving)?;
    files.sort_by_key(|file| file == Path::new(KmeansRecord::NAME));
    files.iter().try_for_each(|file| rename(&moving.join(file), &clustering.join(file)))?;
    fs::remove_dir_all(&moving).map_err(|e| cannot(&moving, &e))
}

/// Renames a file or folder. Creates the missing parents.
fn rename(from: &Path, to: &Path) -> Result<()> {
    let parent = to.parent().unwrap_or(to);
    fs::create_dir_all(parent).and_then(|()| fs::rename(from, to)).map_err(|e| cannot(from, &e))
}

fn remove(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(Error::io("can't remove a file of a refused run", file, &e)),
        _ => Ok(()),
    }
}

fn cannot(path: &Path, error: &std::io::Error) -> Error {
    Error::io("can't move a file of the clustering that is replaced", path, error)
}
