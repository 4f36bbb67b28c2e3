//! Montages: pictures of one cluster.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// One montage.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MontageFile {
    /// Path, relative to the output folder.
    pub path: PathBuf,
    /// End of the ranking: `best` or `worst`.
    pub end: String,
    /// Rank from that end, 1-based.
    pub rank: usize,
    /// Index of the cluster.
    pub cluster: u64,
    /// Rows shown, in display order. With sections: those of all sections, also of the nearest cluster.
    pub rows: Vec<u64>,
    /// The sections of the picture, from the top; empty if it is one grid of members.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sections: Vec<MontageSection>,
    /// Height of title and subtitle, in pixels.
    #[serde(default)]
    pub title_height: u32,
    /// Number of images that don't exist.
    pub missing: usize,
    /// Number of images that could not be decoded.
    pub broken: usize,
}

/// A part of a montage with a title of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MontageSection {
    /// What it shows, in words.
    pub title: String,
    /// The cluster that its rows belong to: the montage's, or the nearest one.
    pub cluster: u64,
    /// Rows shown, in display order.
    pub rows: Vec<u64>,
}
