//! How a clustering was made: kmeans.json in its folder.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::InputFile;
use crate::base::error::Finding;
pub use crate::kmeans::record::KmeansStep;

/// Version of kmeans.json's layout.
const FORMAT: u32 = 1;

/// What `clustrata kmeans` has done so far; written again after each step.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KmeansRecord {
    /// Version of the layout.
    pub format: u32,
    /// Version of the program.
    pub version: String,
    /// The command line of the last start.
    pub command: Vec<String>,
    /// When the last start was, RFC 3339, UTC.
    pub started: String,
    /// Whether all levels are done.
    pub complete: bool,
    /// BLAKE3 (hex) of the inputs' contents and of the settings that decide the result.
    pub agreement: String,
    /// What computed, as printed.
    pub device: String,
    /// Processes that shared the work.
    pub processes: u64,
    /// Every setting with its resolved value.
    pub settings: Value,
    /// The embeddings, in the order of the rows.
    pub embeddings: Vec<InputFile>,
    /// Rows of the embeddings.
    pub rows: u64,
    /// Columns.
    pub dim: usize,
    /// Row numbers of the subset.
    pub subset: Option<InputFile>,
    /// In the order of the work.
    pub steps: Vec<KmeansStep>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

impl KmeansRecord {
    /// Name of the file.
    pub const NAME: &'static str = "kmeans.json";

    /// The layout that this program writes.
    pub const FORMAT: u32 = FORMAT;

    /// Reads kmeans.json of a clustering; `None` where there is none, as where upstream made it.
    ///
    /// # Errors
    /// Where it can't be read, or is another version's.
    pub fn of(clustering: &Path) -> Result<Option<KmeansRecord>, Finding> {
        let path = clustering.join(KmeansRecord::NAME);
        let text = match std::fs::read(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
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
            Err(e) => Err(Finding::new("the file is damaged, or is none of this program's")
                .file(path)
                .found(e.to_string())
                .hint("remove it; the clustering itself does not need it")),
        }
    }
}
