//! One picture of many clusters.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A picture with one image of each of a level's ranked clusters.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ContactSheet {
    /// Relative to the output folder.
    pub path: PathBuf,
    /// The clusters shown, best first.
    pub clusters: Vec<u64>,
    /// The row that stands for each.
    pub rows: Vec<u64>,
    /// Files that do not exist.
    pub missing: usize,
    /// Files that could not be read as pictures.
    pub broken: usize,
}
