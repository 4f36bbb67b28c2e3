//! Contact sheets: one picture of many clusters.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A picture with one image of each ranked cluster of a level.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ContactSheet {
    /// Path, relative to the output folder.
    pub path: PathBuf,
    /// Clusters shown, best first.
    pub clusters: Vec<u64>,
    /// The row shown for each of them.
    pub rows: Vec<u64>,
    /// Number of ranked clusters between the best and the worst that are left out.
    #[serde(default)]
    pub left_out: u64,
    /// Height of title and subtitle, in pixels.
    #[serde(default)]
    pub title_height: u32,
    /// Number of images that don't exist.
    pub missing: usize,
    /// Number of images that could not be decoded.
    pub broken: usize,
}
