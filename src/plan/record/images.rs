//! Images shown in the report, so that it can be rebuilt without the list of all image names.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Members of clusters shown in the report.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Samples {
    /// Indices of the clusters, ascending.
    pub clusters: Vec<u64>,
    /// Some rows of each of them, chosen like those of montages.
    pub rows: Vec<Vec<u64>>,
}

impl Samples {
    /// Whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.clusters.is_empty()
    }
}

/// Image names of all rows shown, in columns.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Images {
    /// Folder that relative paths start from.
    pub root: PathBuf,
    /// Row numbers, ascending.
    pub rows: Vec<u64>,
    /// Path of each image, as written in the --images file.
    pub paths: Vec<String>,
    /// Caption of each image; `None` if the --images file has none.
    pub captions: Vec<Option<String>>,
}

impl Images {
    /// Path of the image of a row; `None` for a row that is not shown.
    pub fn path(&self, row: u64) -> Option<PathBuf> {
        let at = self.rows.binary_search(&row).ok()?;
        Some(self.root.join(self.paths.get(at)?))
    }
}
