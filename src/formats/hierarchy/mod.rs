//! The hierarchy as ssl-data-curation writes it.
//!
//! Only level 1 needs a label per row: the label of a row on level l follows from `label_l(i) = parent_l[label_{l-1}(i)]`.
//! Four bytes a row for labels and four for the stored order of the members are all that is kept.
//!
//! Everything is checked when it is opened, and everything that is wrong is reported together, since the next run is
//! hours away.

mod checks;
mod layout;
mod members;
mod open;
mod points;
mod tree;

use std::path::PathBuf;

use super::npy::Matrix;
use super::upstream::Upstream;
use crate::base::matrix::UNLABELLED;
use members::{Members, index};

pub use points::Points;
pub use tree::Tree;

/// What to open, and what to let pass.
#[derive(Debug, Clone, Default)]
pub struct HierarchyOptions {
    /// Rows of the embeddings that were clustered: member j of level 1 means row `subset[j]`. `None` for all.
    pub subset: Option<Vec<u64>>,
    /// Lets rows (or entries of the subset) be in no cluster.
    pub allow_unassigned: bool,
    /// Levels that are wanted; those above the highest are not opened. Empty for all.
    pub levels: Vec<u32>,
}

/// The levels of a clustering, checked against the embeddings and each other.
#[derive(Debug)]
pub struct Hierarchy {
    /// From level 1 on, without a gap.
    pub levels: Vec<Level>,
    /// Level-1 cluster of every row of the embeddings, [`UNLABELLED`] where it is in none.
    pub labels: Vec<u32>,
    /// What upstream was asked for; empty without a config.yaml.
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
    /// Cluster of this level for every cluster of the level below; empty on level 1.
    pub parent: Vec<u32>,
    /// Number of points of every cluster.
    pub sizes: Vec<u64>,
    /// The files it was read from.
    pub sources: LevelFiles,
    members: Members,
}

/// The two files of a level, where they really are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelFiles {
    /// `sorted_clusters.npy`, or `.pkl`
    pub clusters: PathBuf,
    /// `centroids.npy`
    pub centroids: PathBuf,
}

impl Hierarchy {
    /// Number of clusters, the empty ones included. `level` is an index into `levels`.
    pub fn k(&self, level: usize) -> usize {
        self.levels[level].sizes.len()
    }

    /// Where in `levels` a level is, by its number.
    pub fn index_of(&self, number: u32) -> Option<usize> {
        self.levels.iter().position(|level| level.number == number)
    }

    /// Labels of the rows from `first_row` on, one vector per level: `out[l][i]` is the cluster of row `first_row + i` on
    /// `levels[l]`, or [`UNLABELLED`]. Levels beyond `out.len()` are left out.
    ///
    /// # Panics
    /// For rows past the end of the embeddings, or more vectors than levels.
    pub fn label_tile(&self, first_row: u64, rows: usize, out: &mut [Vec<u32>]) {
        for level in 0..out.len() {
            let (below, this) = out.split_at_mut(level);
            let this = &mut this[0];
            this.clear();
            match below.last() {
                None => this.extend_from_slice(self.level1_labels(first_row, rows)),
                Some(below) => this.extend(below.iter().map(|&child| self.levels[level].parent_of(child))),
            }
        }
    }

    /// Labels of `out.len()` rows from `first_row` on, on the one level `levels[level]`.
    ///
    /// # Panics
    /// For rows past the end of the embeddings, or a level that isn't there.
    pub fn label_rows(&self, level: usize, first_row: u64, out: &mut [u32]) {
        out.copy_from_slice(self.level1_labels(first_row, out.len()));
        for upper in &self.levels[1..=level] {
            out.iter_mut().for_each(|label| *label = upper.parent_of(*label));
        }
    }

    /// Row numbers of a cluster's points in the stored order (on upper levels: that of the children, each with its own
    /// points in their stored order).
    ///
    /// # Panics
    /// For a level or a cluster that isn't there.
    pub fn points_of(&self, level: usize, cluster: usize) -> Points<'_> {
        Points::new(self, level, cluster)
    }

    fn level1_labels(&self, first_row: u64, rows: usize) -> &[u32] {
        &self.labels[index(first_row)..][..rows]
    }
}

impl Level {
    fn parent_of(&self, child: u32) -> u32 {
        if child == UNLABELLED { UNLABELLED } else { self.parent[child as usize] }
    }
}
