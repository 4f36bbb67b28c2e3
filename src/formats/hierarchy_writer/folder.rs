//! The place of each file of a clustering, and the order in which they are written.
//!
//! ```text
//! CLUSTERING/
//!   config.yaml
//!   level1/{centroids,sorted_clusters}.npy      links into the last step; plain files if the level was split
//!   level1/stepS/sampled_indices.npy            S > 0: the points that the step's centroids were fitted on
//!   level1/stepS/centroids.npy
//!   level1/stepS/cluster_assignment.npy         the cluster of every point of the level
//!   level1/stepS/clusters.npy
//!   level1/stepS/sorted_clusters.npy            written last: it marks the step as done
//!   level1/pre_clusters/                        if the level was split: a level folder with the clusters before the split
//! ```
//!
//! On level 1 a member is a row of the embeddings or, for a clustering of a subset, a position in the subset.

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

pub(super) const CENTROIDS: &str = "centroids.npy";
pub(super) const ASSIGNMENT: &str = "cluster_assignment.npy";
pub(super) const CLUSTERS: &str = "clusters.npy";
pub(super) const SORTED: &str = "sorted_clusters.npy";
pub(super) const SAMPLED: &str = "sampled_indices.npy";

/// The result of one step of a level.
#[derive(Debug)]
pub struct Step<'a> {
    /// `[k, d]`
    pub centroids: ArrayView2<'a, f64>,
    /// Type that the centroids are written as: float32 or float64.
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

/// Folder of a split level that holds the clusters before the split. Its layout is that of a level folder.
#[must_use]
pub fn pre_clusters(level_folder: &Path) -> PathBuf {
    level_folder.join("pre_clusters")
}

/// Writes the files of a step. Creates its folder if it is missing.
///
/// # Errors
/// Those of the disk. The step is then incomplete.
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

/// Whether a step, written by [`write_step`] or by upstream, is complete.
#[must_use]
pub fn is_complete(step_folder: &Path) -> bool {
    [SORTED, CLUSTERS, ASSIGNMENT, CENTROIDS].iter().all(|name| step_folder.join(name).is_file())
}

/// Makes a step the result of its level by links from the level folder into the step folder. The links are relative, so
/// they stay valid when the clustering is copied or mounted elsewhere, unlike upstream's absolute ones. On systems without
/// links the files are copied.
///
/// # Errors
/// Those of the disk.
pub fn link_level(level_folder: &Path, step: u32) -> Result<()> {
    let step = PathBuf::from(format!("step{step}"));
    for name in [CENTROIDS, SORTED] {
        let path = level_folder.join(name);
        atomic_file::link_or_copy(&step.join(name), &path)
            .map_err(|error| Error::io("can't make a step the result of its level", &path, &error))?;
    }
    Ok(())
}

/// Writes the result of a split level as plain files. The clusters before the split are in [`pre_clusters`].
///
/// # Errors
/// Those of the disk.
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

/// Whether a split level is complete.
#[must_use]
pub fn is_split(level_folder: &Path) -> bool {
    [SORTED, CENTROIDS].iter().all(|name| level_folder.join(name).is_file())
}

/// Writes `config.yaml`. Creates the folder of the clustering if it is missing.
///
/// # Errors
/// Those of the disk.
pub fn write_config(clustering: &Path, yaml: &str) -> Result<()> {
    make(clustering)?;
    write_file(&clustering.join("config.yaml"), |file| file.write_all(yaml.as_bytes()))
}

fn make(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(|error| Error::io("can't create a folder of the clustering", folder, &error))
}
