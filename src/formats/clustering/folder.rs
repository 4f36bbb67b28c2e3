//! Which file of a clustering lies where, and in which order they appear.
//!
//! ```text
//! CLUSTERING/
//!   config.yaml
//!   level1/{centroids,sorted_clusters}.npy      links into the last step, or files where the level was split
//!   level1/stepS/sampled_indices.npy            S > 0: the points that the step's centroids were fitted on
//!   level1/stepS/centroids.npy
//!   level1/stepS/cluster_assignment.npy         of all points of the level, as the two below
//!   level1/stepS/clusters.npy
//!   level1/stepS/sorted_clusters.npy            last: it says that the step is done
//!   level1/pre_clusters/                        where the level was split: a level's folder with what was split
//! ```
//!
//! On level 1 a member is a row of what was clustered: of the embeddings, or a place in the subset.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use ndarray::ArrayView2;

use super::array::{write_centroids, write_file, write_indices};
use super::object_array::write_clusters;
use crate::base::error::{Error, Result};
use crate::base::matrix::Dtype;
use crate::formats::atomic_file;
use crate::formats::pickle::Clusters;

const CENTROIDS: &str = "centroids.npy";
const ASSIGNMENT: &str = "cluster_assignment.npy";
const CLUSTERS: &str = "clusters.npy";
const SORTED: &str = "sorted_clusters.npy";
const SAMPLED: &str = "sampled_indices.npy";

/// What one step of a level has found.
#[derive(Debug)]
pub struct Step<'a> {
    /// `[k, d]`
    pub centroids: ArrayView2<'a, f64>,
    /// What the centroids are written as: float32 or float64.
    pub stored: Dtype,
    /// The cluster of every point of the level.
    pub labels: &'a [u32],
    /// Members of each cluster, ascending.
    pub clusters: &'a Clusters,
    /// The same, closest to the centroid first.
    pub sorted: &'a Clusters,
    /// Points of the level that the centroids were fitted on, ascending; `None`: all.
    pub sampled: Option<&'a [u64]>,
}

/// Folder of level `level` (1-based).
#[must_use]
pub fn level_folder(clustering: &Path, level: u32) -> PathBuf {
    clustering.join(format!("level{level}"))
}

/// Folder of step `step` (0-based) of a level.
#[must_use]
pub fn step_folder(level_folder: &Path, step: u32) -> PathBuf {
    level_folder.join(format!("step{step}"))
}

/// Where a level that is split keeps what was split: a folder as that of a level.
#[must_use]
pub fn pre_clusters(level_folder: &Path) -> PathBuf {
    level_folder.join("pre_clusters")
}

/// Writes the files of a step; its folder is made where it isn't there.
///
/// # Errors
/// The disk's. The step is then not complete.
pub fn write_step(folder: &Path, step: &Step<'_>) -> Result<()> {
    make(folder)?;
    if let Some(sampled) = step.sampled {
        write_indices(&folder.join(SAMPLED), sampled.iter().copied())?;
    }
    write_centroids(&folder.join(CENTROIDS), step.centroids, step.stored)?;
    write_indices(&folder.join(ASSIGNMENT), step.labels.iter().map(|&label| u64::from(label)))?;
    write_clusters(&folder.join(CLUSTERS), step.clusters)?;
    write_clusters(&folder.join(SORTED), step.sorted)
}

/// Whether a step, written by [`write_step`] or by upstream, is done.
#[must_use]
pub fn is_complete(step_folder: &Path) -> bool {
    [SORTED, CLUSTERS, ASSIGNMENT, CENTROIDS].iter().all(|name| step_folder.join(name).is_file())
}

/// Makes a step the result of its level: links from the level's folder into the step's. They are relative, so that a
/// copied or mounted folder stays whole; upstream's absolute ones lead nowhere then. Where there are no links, the files
/// are copied.
///
/// # Errors
/// The disk's.
pub fn link_level(level_folder: &Path, step: u32) -> Result<()> {
    let step = PathBuf::from(format!("step{step}"));
    for name in [CENTROIDS, SORTED] {
        let path = level_folder.join(name);
        atomic_file::link_or_copy(&step.join(name), &path)
            .map_err(|error| Error::io("can't make a step the result of its level", &path, &error))?;
    }
    Ok(())
}

/// Writes a level that was split as plain files. What was split lies in [`pre_clusters`].
///
/// # Errors
/// The disk's.
pub fn write_split(
    level_folder: &Path,
    centroids: ArrayView2<'_, f64>,
    stored: Dtype,
    sorted: &Clusters,
) -> Result<()> {
    make(level_folder)?;
    write_centroids(&level_folder.join(CENTROIDS), centroids, stored)?;
    write_clusters(&level_folder.join(SORTED), sorted)
}

/// Whether a level that was split is done.
#[must_use]
pub fn is_split(level_folder: &Path) -> bool {
    [SORTED, CENTROIDS].iter().all(|name| level_folder.join(name).is_file())
}

/// Removes the levels of a clustering, file by file, and the folders that are empty then: what is not of a clustering stays.
///
/// # Errors
/// The disk's.
pub fn clear(clustering: &Path) -> Result<()> {
    for level in (1..).map(|level| level_folder(clustering, level)).take_while(|folder| folder.is_dir()) {
        clear_level(&pre_clusters(&level))?;
        clear_level(&level)?;
    }
    Ok(())
}

/// Removes what a killed run has left unfinished in the folder and those of its levels.
///
/// # Errors
/// The disk's.
pub fn remove_unfinished(clustering: &Path) -> Result<()> {
    let levels = (1..).map(|level| level_folder(clustering, level)).take_while(|folder| folder.is_dir());
    let levels = levels.flat_map(|level| [pre_clusters(&level), level]).filter(|folder| folder.is_dir());
    let steps = |level: PathBuf| (0..).map(move |step| step_folder(&level, step)).take_while(|folder| folder.is_dir());
    let folders = levels.flat_map(|level| std::iter::once(level.clone()).chain(steps(level)));
    for folder in std::iter::once(clustering.to_owned()).chain(folders) {
        atomic_file::remove_unfinished(&folder)
            .map_err(|error| Error::io("can't remove what an earlier run left", &folder, &error))?;
    }
    Ok(())
}

/// Removes the checkpoints of a step that is done, those of all processes; one that can't be removed does no harm.
pub fn discard_checkpoints(step_folder: &Path) {
    for entry in fs::read_dir(step_folder).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(|name| name.starts_with("checkpoint-")) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn clear_level(folder: &Path) -> Result<()> {
    for step in (0..).map(|step| step_folder(folder, step)).take_while(|folder| folder.is_dir()) {
        remove(&step, |name| {
            [SORTED, CLUSTERS, ASSIGNMENT, CENTROIDS, SAMPLED].contains(&name)
                || name.starts_with("kmpp_")
                || name.starts_with("checkpoint-")
        })?;
    }
    remove(folder, |name| [SORTED, CENTROIDS].contains(&name))
}

/// Removes the files whose names are known, what a killed run left unfinished, and then the folder, if it is empty.
fn remove(folder: &Path, known: impl Fn(&str) -> bool) -> Result<()> {
    let cannot = |error: &std::io::Error| Error::io("can't remove an earlier clustering", folder, error);
    if !folder.is_dir() {
        return Ok(());
    }
    atomic_file::remove_unfinished(folder).map_err(|error| cannot(&error))?;
    for entry in fs::read_dir(folder).map_err(|error| cannot(&error))? {
        let entry = entry.map_err(|error| cannot(&error))?;
        if entry.file_name().to_str().is_some_and(&known) {
            fs::remove_file(entry.path()).map_err(|error| cannot(&error))?;
        }
    }
    // one that holds something else is not empty, and stays
    let _ = fs::remove_dir(folder);
    Ok(())
}

/// Writes `config.yaml`; the folder of the clustering is made where it isn't there.
///
/// # Errors
/// The disk's.
pub fn write_config(clustering: &Path, yaml: &str) -> Result<()> {
    make(clustering)?;
    write_file(&clustering.join("config.yaml"), |file| file.write_all(yaml.as_bytes()))
}

fn make(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(|error| Error::io("can't make a folder of the clustering", folder, &error))
}
