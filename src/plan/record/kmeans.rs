//! How a clustering was made: kmeans.json in its folder.

use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{InputFile, Provenance};
use crate::backend::Tuned;
use crate::base::error::Finding;
use crate::formats::embeddings::Matched;
pub use crate::kmeans::record::KmeansStep;

/// Version of the layout of kmeans.json.
const FORMAT: u32 = 1;

/// Progress and settings of `clustrata kmeans`; rewritten after each step.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KmeansRecord {
    /// Version of the layout.
    pub format: u32,
    /// Version of the program.
    pub version: String,
    /// The command line of the last start, one entry per argument.
    pub command: Vec<String>,
    /// Time of the last start, RFC 3339, UTC.
    pub started: String,
    /// The processes that worked on the clustering, and what that took; `None` in records of earlier versions. Of
    /// the processes beside the first, only those that finished the clustering are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
    /// Whether all levels are complete.
    pub complete: bool,
    /// Fingerprint of the run: BLAKE3 (hex) of the contents of the inputs and of the settings that decide the result.
    #[serde(rename = "agreement", alias = "fingerprint")]
    pub fingerprint: String,
    /// Description of the device.
    pub device: String,
    /// The kernels of the device's searches, and how they were chosen; empty for the CPU.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tuning: Vec<Tuned>,
    /// Number of processes.
    pub processes: u64,
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
    /// File of the clustered rows; `None` if all rows were clustered.
    pub subset: Option<InputFile>,
    /// Finished steps, in execution order.
    pub steps: Vec<KmeansStep>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
}

impl KmeansRecord {
    /// File name.
    pub const NAME: &'static str = "kmeans.json";

    /// Version of the layout that this program writes.
    pub const FORMAT: u32 = FORMAT;

    /// Reads kmeans.json of a clustering; `None` if there is none, because another program made the clustering.
    ///
    /// # Errors
    /// If the file can't be read or has another version.
    pub fn of(clustering: &Path) -> Result<Option<KmeansRecord>, Finding> {
        let path = clustering.join(KmeansRecord::NAME);
        let text = match std::fs::read(&path) {
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            read => read.map_err(|e| Finding::io("can't read how the clustering was made", &path, &e))?,
        };
        let read: Result<KmeansRecord, _> = serde_json::from_slice(&text);
        match read {
            Ok(record) if record.format == FORMAT => Ok(Some(record)),
            Ok(record) => Err(Finding::new("the clustering was made by another version")
                .file(path)
                .expected(format!("format {FORMAT}"))
                .found(format!("format {}", record.format))
                .hint("use the version that made it")),
            Err(e) => Err(Finding::new("the file is damaged, or was not written by clustrata")
                .file(path)
                .found(e.to_string())
                .hint("remove it; the clustering does not need it")),
        }
    }
}
