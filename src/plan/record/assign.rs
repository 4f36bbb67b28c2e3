//! How rows were assigned to centroids: assign.json in the output folder.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{InputFile, Provenance};
use crate::backend::{Traffic, Tuned};
use crate::base::error::Finding;
use crate::formats::embeddings::Matched;
use crate::formats::folder::ASSIGNMENT;

/// Version of the layout of assign.json.
const FORMAT: u32 = 1;

/// Everything known about one assignment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AssignRecord {
    /// Version of the layout.
    pub format: u32,
    /// Version of the program.
    pub version: String,
    /// The command line, one entry per argument.
    pub command: Vec<String>,
    /// Start of the run that finished the assignment, RFC 3339, UTC.
    pub started: String,
    /// BLAKE3 (hex) of the contents of the inputs and of the settings that decide the result.
    pub fingerprint: String,
    /// All settings with their resolved values.
    pub settings: Value,
    /// Embeddings, in row order.
    pub embeddings: Vec<InputFile>,
    /// What each glob among the embeddings matched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patterns: Vec<Matched>,
    /// Number of rows of the embeddings, n.
    pub rows: u64,
    /// Dimension of the embeddings, d.
    pub dim: usize,
    /// Element type of the embeddings as NumPy spells it.
    pub dtype: String,
    /// Whether the rows were divided by their norm when they were read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub normalized: bool,
    /// Files of centroids and clusters, for every level.
    pub centroids: Vec<InputFile>,
    /// Number of rows without a label, because they hold NaN, an infinity or a value beyond float32.
    pub skipped_rows: u64,
    /// The first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub first_skipped: Vec<u64>,
    /// Results, one entry per level, in ascending order.
    pub levels: Vec<LevelAssignment>,
    /// The processes that worked on the assignment, and what that took; `None` in records of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
    /// The processes that computed the rows, in row order; one if the run was not sharded.
    pub parts: Vec<AssignPart>,
    /// Files that were written, relative to the output folder.
    pub files: Vec<String>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
}

/// The rows of one level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LevelAssignment {
    /// Number of the level, from 1.
    pub level: u32,
    /// Number of clusters, k.
    pub clusters: u64,
    /// Whether the nearest centroid of this level was searched; if not, labels are the parents of those of the level below.
    pub searched: bool,
    /// Number of clusters without rows.
    pub empty_clusters: u64,
    /// Mean distance of the rows to the centroid of their cluster; `None` without rows.
    pub mean_distance: Option<f64>,
    /// Number of rows of each cluster, `[k]`.
    pub sizes: Vec<u64>,
}

/// One part of an assignment, and the process that computed it last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AssignPart {
    /// First row, and one past the last row.
    pub rows: (u64, u64),
    /// Host name.
    pub host: String,
    /// Description of the device.
    pub device: String,
    /// Seconds spent on the rows, including time before interruptions.
    pub seconds: f64,
    /// How often it was resumed.
    pub resumed: u64,
    /// Work and data that the device was given; missing for the CPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counters: Option<Traffic>,
    /// The kernels of the device's searches, and how they were chosen; empty for the CPU.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tuning: Vec<Tuned>,
}

impl AssignRecord {
    /// Version of the layout that this program writes.
    pub const FORMAT: u32 = FORMAT;

    /// Reads assign.json of an output folder; `None` if there is none.
    ///
    /// # Errors
    /// If the file can't be read or has another version.
    pub fn of(folder: &Path) -> Result<Option<AssignRecord>, Finding> {
        let path = folder.join(ASSIGNMENT);
        let text = match std::fs::read(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(|e| Finding::io("can't read the record of an assignment", &path, &e))?,
        };
        match serde_json::from_slice::<AssignRecord>(&text) {
            Ok(record) if record.format == FORMAT => Ok(Some(record)),
            Ok(record) => Err(Finding::new("the assignment was made by another version")
                .file(path)
                .expected(format!("format {FORMAT}"))
                .found(format!("format {}", record.format))),
            Err(e) => Err(Finding::new("the file is damaged, or was not written by clustrata")
                .file(path)
                .found(e.to_string())
                .hint("replace the assignment with --force")),
        }
    }
}
