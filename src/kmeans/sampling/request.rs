//! What to sample, and the result.

use serde::{Deserialize, Serialize};

/// How members are sampled from a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Strategy {
    /// The closest to the centroid.
    #[default]
    #[cfg_attr(feature = "cli", value(name = "c", alias = "closest"))]
    #[serde(rename = "c", alias = "closest")]
    Closest,
    /// A random choice.
    #[cfg_attr(feature = "cli", value(name = "r", alias = "random"))]
    #[serde(rename = "r", alias = "random")]
    Random,
}

impl Strategy {
    /// Upstream's letter for it.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Strategy::Closest => 'c',
            Strategy::Random => 'r',
        }
    }
}

/// What to sample from a hierarchy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// Number of rows. A repeated row counts as often as it is selected.
    pub target: u64,
    /// How often a row may be selected.
    pub multiplier: u64,
    /// How rows are sampled from a cluster of level 1.
    pub strategy: Strategy,
    /// Seed of every random choice.
    pub seed: u64,
}

/// A selection of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Rows, cluster by cluster in hierarchy order.
    pub rows: Vec<u64>,
    /// Number of rows from each cluster of the top level.
    pub per_cluster: Vec<u64>,
}
