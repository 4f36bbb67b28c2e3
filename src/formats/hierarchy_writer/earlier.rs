//! The files of an earlier run in the folder of a clustering: lists and removes them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::folder::{ASSIGNMENT, CENTROIDS, CLUSTERS, SAMPLED, SORTED, level_folder, pre_clusters, step_folder};
use crate::base::error::{Error, Result};
use crate::formats::atomic_file;

/// Start of the names of checkpoints.
const CHECKPOINT: &str = "checkpoint-";

/// The files of a clustering's levels, checkpoints included, level by level. Paths are relative to `clustering`.
///
/// # Errors
/// Those of the disk.
pub fn files(clustering: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for folder in folders(clustering) {
        let below = folder.strip_prefix(clustering).unwrap_or(&folder);
        for name in names(&folder).map_err(|e| Error::io("can't list a folder of a clustering", &folder, &e))? {
            if is_known(&name) {
                files.push(below.join(name));
            }
        }
    }
    Ok(files)
}

/// Removes the files of a clustering, and the folders that are then empty. Other files stay.
///
/// # Errors
/// Those of the disk.
pub fn clear(clustering: &Path) -> Result<()> {
    remove_unfinished(clustering)?;
    for file in files(clustering)? {
        let path = clustering.join(file);
        fs::remove_file(&path).map_err(|e| Error::io("can't remove an earlier clustering", &path, &e))?;
    }
    remove_empty_folders(clustering);
    Ok(())
}

/// Removes the folders of levels and steps that are empty.
pub fn remove_empty_folders(clustering: &Path) {
    for folder in folders(clustering) {
        // fails for a folder that holds other files, which stays
        let _ = fs::remove_dir(folder);
    }
}

/// Removes the unfinished files of a killed run in the folder and in those of its levels and steps.
///
/// # Errors
/// Those of the disk.
pub fn remove_unfinished(clustering: &Path) -> Result<()> {
    for folder in folders(clustering).into_iter().chain([clustering.to_owned()]) {
        atomic_file::remove_unfinished(&folder)
            .map_err(|error| Error::io("can't remove an unfinished file of an earlier run", &folder, &error))?;
    }
    Ok(())
}

/// Whether there is a checkpoint of the first step.
#[must_use]
pub fn has_checkpoint(clustering: &Path) -> bool {
    let level = level_folder(clustering, 1);
    [pre_clusters(&level), level].iter().any(|level| {
        let names = names(&step_folder(level, 0)).unwrap_or_default();
        names.iter().any(|name| name.starts_with(CHECKPOINT))
    })
}

/// Removes the checkpoints that all processes wrote during a step. One that can't be removed does no harm.
pub fn discard_checkpoints(step_folder: &Path) {
    for name in names(step_folder).unwrap_or_default() {
        if name.starts_with(CHECKPOINT) {
            let _ = fs::remove_file(step_folder.join(name));
        }
    }
}

/// The folders of levels and steps, inner ones before those that hold them.
fn folders(clustering: &Path) -> Vec<PathBuf> {
    let levels = (1..).map(|level| level_folder(clustering, level)).take_while(|folder| folder.is_dir());
    let levels = levels.flat_map(|level| [pre_clusters(&level), level]).filter(|folder| folder.is_dir());
    let steps = |level: &Path| {
        let level = level.to_owned();
        (0..).map(move |step| step_folder(&level, step)).take_while(|folder| folder.is_dir())
    };
    levels.flat_map(|level| steps(&level).chain([level.clone()]).collect::<Vec<_>>()).collect()
}

fn is_known(name: &str) -> bool {
    [SORTED, CLUSTERS, ASSIGNMENT, CENTROIDS, SAMPLED].contains(&name)
        || name.starts_with("kmpp_")
        || name.starts_with(CHECKPOINT)
}

/// The names in a folder that are UTF-8. Others are not ours.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.file_name().into_string().ok()));
    entries.filter_map(io::Result::transpose).collect()
}
