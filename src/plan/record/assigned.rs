//! What the record says of a clustering that was given as labels.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::formats::hierarchy::Hierarchy;

/// One level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignedLevel {
    /// Number of the level.
    pub level: u32,
    /// The file of its labels, absolute.
    pub file: PathBuf,
    /// The column of the file; `None` if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// Number of rows in no cluster.
    pub unassigned: u64,
    /// Whether the level nests in the level below; `None` on the lowest.
    pub nests: Option<bool>,
    /// Whether the centroids are the means of the clusters, because none were given.
    pub centroids_are_means: bool,
    /// Whether labels are texts, numbered in order of first appearance.
    pub texts: bool,
}

impl AssignedLevel {
    /// All levels; none if the clustering is a folder.
    pub fn all(hierarchy: &Hierarchy) -> Vec<AssignedLevel> {
        let of_level = |level: &crate::formats::hierarchy::Level| {
            let assigned = level.assigned.as_ref()?;
            let file = &level.sources.clusters;
            Some(AssignedLevel {
                level: level.number,
                file: std::path::absolute(file).unwrap_or_else(|_| file.clone()),
                column: assigned.column.clone(),
                unassigned: assigned.unassigned,
                nests: (level.number > 1).then_some(assigned.nests),
                centroids_are_means: assigned.means,
                texts: assigned.names.is_some(),
            })
        };
        hierarchy.levels.iter().filter_map(of_level).collect()
    }
}
