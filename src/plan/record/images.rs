//! Images shown in the report, so that it can be rebuilt without the list of all image names.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Members of clusters shown in the report.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Samples {
    /// Indices of the clusters, ascending.
    pub clusters: Vec<u64>,
    /// Members of each of them: those closest to the centroid, closest first; a random sample with `--sample random`, or if
    /// the run kept no distances.
    pub rows: Vec<Vec<u64>>,
    /// Distances of `rows` to the centroid of the cluster; `None` if not finite. Empty if the run kept no distances.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub distances: Vec<Vec<Option<f32>>>,
    /// The members farthest from the centroid that are not among `rows`, farthest first. Empty if the run kept no distances.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub farthest: Vec<Vec<u64>>,
    /// Distances of `farthest`, like `distances`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub farthest_distances: Vec<Vec<Option<f32>>>,
}

impl Samples {
    /// Whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.clusters.is_empty()
    }

    /// The farthest members of the cluster in this place of `clusters`.
    pub fn farthest_of(&self, place: usize) -> &[u64] {
        self.farthest.get(place).map_or(&[], Vec::as_slice)
    }

    /// All rows, cluster by cluster.
    pub fn all_rows(&self) -> impl Iterator<Item = u64> {
        self.rows.iter().chain(&self.farthest).flatten().copied()
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
    /// Class of each image by --labels; `None` for a row without a class. Empty without --labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<Option<String>>,
}

impl Images {
    /// Path of the image of a row; `None` for a row that is not shown.
    pub fn path(&self, row: u64) -> Option<PathBuf> {
        Some(self.root.join(self.paths.get(self.place(row)?)?))
    }

    /// The place of a row in the columns.
    pub fn place(&self, row: u64) -> Option<usize> {
        self.rows.binary_search(&row).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_older_versions_have_no_distances() {
        let samples: Samples = serde_json::from_str(r#"{"clusters":[3],"rows":[[7,2]]}"#).expect("samples");
        assert_eq!((samples.all_rows().collect::<Vec<_>>(), samples.farthest_of(0)), (vec![7, 2], &[] as &[u64]));
        let images = r#"{"root":"/x","rows":[2],"paths":["a.png"],"captions":[null]}"#;
        let images: Images = serde_json::from_str(images).expect("images");
        assert_eq!((images.path(2), images.path(3)), (Some(PathBuf::from("/x/a.png")), None));
    }

    #[test]
    fn a_distance_that_is_not_finite_is_null() {
        let samples = Samples { distances: vec![vec![Some(0.5), None]], ..Samples::default() };
        let text = serde_json::to_string(&samples).expect("JSON");
        assert_eq!(serde_json::from_str::<Samples>(&text).expect("samples"), samples);
    }
}
