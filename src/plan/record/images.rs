//! Images of members, so that a report can be made again without the list of all names.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Members of clusters that a report shows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Samples {
    /// Which clusters, ascending.
    pub clusters: Vec<u64>,
    /// Some rows of each of them, chosen as those of montages are.
    pub rows: Vec<Vec<u64>>,
}

impl Samples {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.clusters.is_empty()
    }
}

/// Names of all rows that are shown, in columns.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Images {
    /// Where relative paths start.
    pub root: PathBuf,
    /// Ascending.
    pub rows: Vec<u64>,
    /// As the list of names writes them.
    pub paths: Vec<String>,
    /// What the list says about them, where it says something.
    pub captions: Vec<Option<String>>,
}

impl Images {
    /// Where the image of a row lies; `None` for a row that is not shown.
    pub fn path(&self, row: u64) -> Option<PathBuf> {
        let at = self.rows.binary_search(&row).ok()?;
        Some(self.root.join(self.paths.get(at)?))
    }
}
