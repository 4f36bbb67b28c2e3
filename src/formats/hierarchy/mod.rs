//! Reads the folder of a hierarchical clustering in the layout of ssl-data-curation.
//! [`crate::formats::hierarchy_writer`] writes it.
//!
//! Only level 1 stores a label per row: on level l, `label_l(i) = parent_l[label_{l-1}(i)]`. Memory per row is four bytes for
//! the label and four for the stored order of the members.
//!
//! A hierarchy can also be made from labels. Levels that do not nest start chains: see the module `assigned`.
//!
//! Opening a hierarchy checks all of it and reports all problems together, because the next attempt may be hours away.

mod assigned;
mod centroid_levels;
mod checks;
mod layout;
mod members;
mod open;
mod points;
mod tree;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::npy::Matrix;
use super::upstream::Upstream;
use crate::base::matrix::UNLABELLED;
use crate::base::numeric::to_usize;
use members::Members;

pub use assigned::{AssignmentOptions, AssignmentSource};
pub use centroid_levels::{CentroidLevel, CentroidLevels};
pub use points::Points;
pub use tree::Tree;

/// Options of [`Hierarchy::open`].
#[derive(Debug, Clone, Default)]
pub struct HierarchyOptions {
    /// The rows of the embeddings that were clustered: member j of level 1 is row `subset[j]`. `None` for all rows.
    pub subset: Option<Vec<u64>>,
    /// Allows unassigned rows, or entries of the subset.
    pub allow_unassigned: bool,
    /// The levels to evaluate. Levels above the highest one are not opened. Empty for all levels.
    pub levels: Vec<u32>,
}

/// The levels of a clustering, checked against the embeddings and each other.
#[derive(Debug)]
pub struct Hierarchy {
    /// The levels from 1 on, without a gap.
    pub levels: Vec<Level>,
    /// The level-1 cluster of every row of the embeddings; [`UNLABELLED`] for an unassigned row.
    pub labels: Vec<u32>,
    /// Settings of the clustering. Empty without a config.yaml.
    pub upstream: Upstream,
    subset: Option<Vec<u64>>,
}

/// One level.
#[derive(Debug)]
pub struct Level {
    /// 1-based, as the folders are named.
    pub number: u32,
    /// The stored centroids, `[k, d]`.
    pub centroids: Matrix,
    /// The cluster of this level for every cluster of the level below; of an empty one made from labels, [`UNLABELLED`]. Empty
    /// on level 1, and on a level that does not nest.
    pub parent: Vec<u32>,
    /// Number of points in every cluster.
    pub sizes: Vec<u64>,
    /// The files it was read from.
    pub sources: LevelFiles,
    /// How it was made, if from labels.
    pub assigned: Option<Assigned>,
    members: Members,
}

/// What a level has if it was made from labels.
#[derive(Debug, Clone, Default)]
pub struct Assigned {
    /// The cluster of every row, on a level above 1 that does not nest; empty on others.
    labels: Vec<u32>,
    /// Whether the level nests in the level below; false on level 1.
    pub nests: bool,
    /// Number of rows in no cluster.
    pub unassigned: u64,
    /// The label of each cluster, if labels are texts.
    pub names: Option<Arc<[String]>>,
    /// The column of the file.
    pub column: Option<String>,
    /// Whether the centroids are the means of the clusters.
    pub means: bool,
}

/// The two files of a level, after following links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelFiles {
    /// `sorted_clusters.npy`, or `.pkl`; the file of labels, if the level was made from them.
    pub clusters: PathBuf,
    /// `centroids.npy`; the file of labels again, if the centroids are the means of their clusters.
    pub centroids: PathBuf,
}

impl Hierarchy {
    /// Number of clusters, including empty ones. `level` is an index into `levels`.
    pub fn k(&self, level: usize) -> usize {
        self.levels[level].sizes.len()
    }

    /// The files it was read from, each once, level by level.
    pub fn files(&self) -> Vec<&Path> {
        let mut files: Vec<&Path> = Vec::new();
        for level in &self.levels {
            for path in [level.sources.clusters.as_path(), &level.sources.centroids] {
                if level.assigned.is_none() || !files.contains(&path) {
                    files.push(path);
                }
            }
        }
        files
    }

    /// The index in `levels` of the level with this number.
    pub fn index_of(&self, number: u32) -> Option<usize> {
        self.levels.iter().position(|level| level.number == number)
    }

    /// Labels of `rows` rows from `first_row` on, one vector per level: `out[l][i]` is the cluster of row `first_row + i` on
    /// `levels[l]`, or [`UNLABELLED`]. Fills the first `out.len()` levels.
    ///
    /// # Panics
    /// For rows past the end of the embeddings, or more vectors than levels.
    pub fn label_tile(&self, first_row: u64, rows: usize, out: &mut [Vec<u32>]) {
        for level in 0..out.len() {
            let (below, this) = out.split_at_mut(level);
            let this = &mut this[0];
            this.clear();
            match below.last() {
                Some(below) if !self.starts_chain(level) => {
                    this.extend(below.iter().map(|&child| self.levels[level].parent_of(child)));
                }
                _ => this.extend_from_slice(self.own_labels(level, first_row, rows)),
            }
        }
    }

    /// Labels of `out.len()` rows from `first_row` on, on `levels[level]` alone.
    ///
    /// # Panics
    /// For rows past the end of the embeddings, or a level that doesn't exist.
    pub fn label_rows(&self, level: usize, first_row: u64, out: &mut [u32]) {
        let start = (0..=level).rev().find(|&level| self.starts_chain(level)).unwrap_or(0);
        out.copy_from_slice(self.own_labels(start, first_row, out.len()));
        for upper in &self.levels[start + 1..=level] {
            out.iter_mut().for_each(|label| *label = upper.parent_of(*label));
        }
    }

    /// Row numbers of a cluster's points in stored order. Above level 1 this is the stored order of the child clusters, and
    /// within each child that of its points.
    ///
    /// # Panics
    /// For a level or a cluster that doesn't exist.
    pub fn points_of(&self, level: usize, cluster: usize) -> Points<'_> {
        Points::new(self, level, cluster)
    }

    /// Labels of some rows on a level that starts a chain.
    fn own_labels(&self, level: usize, first_row: u64, rows: usize) -> &[u32] {
        let labels = match &self.levels[level].assigned {
            Some(assigned) if level > 0 => &assigned.labels,
            _ => &self.labels,
        };
        &labels[to_usize(first_row)..][..rows]
    }
}

impl Level {
    /// The clusters of this level that hold these clusters of the level below.
    pub fn parents_of(&self, below: &[u32]) -> Vec<u32> {
        below.iter().map(|&child| self.parent_of(child)).collect()
    }

    fn parent_of(&self, child: u32) -> u32 {
        if child == UNLABELLED { UNLABELLED } else { self.parent[child as usize] }
    }
}
