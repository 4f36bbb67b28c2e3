//! The fingerprint of a run: what its parts must share so that they can be merged.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::formats::fingerprint::FileFingerprint;

/// The inputs and settings that decide what a part computes. Locations of files, device and output are not part of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunFingerprint {
    /// Version of clustrata.
    pub version: String,
    /// Number of rows of the embeddings, n.
    pub rows: u64,
    /// Dimension of the embeddings, d.
    pub dim: usize,
    /// Element type as NumPy spells it, for example `<f4`.
    pub dtype: String,
    /// Whether rows are normalised.
    #[serde(default)]
    pub normalize: bool,
    /// Container and array of each file of the embeddings; empty if all are `.npy`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arrays: Vec<String>,
    /// Embeddings, in row order.
    pub embeddings: Vec<FileFingerprint>,
    /// Files of clusters and centroids, for every level.
    pub hierarchy: Vec<FileFingerprint>,
    /// Columns of labels, if they were chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub level_columns: Vec<String>,
    /// File of the clustered rows; `None` if all rows were clustered.
    pub subset: Option<FileFingerprint>,
    /// Numbers of the levels to evaluate.
    pub levels: Vec<u32>,
    /// Names of the metrics.
    pub metrics: Vec<String>,
    /// The `--silhouette` setting as text.
    pub silhouette: String,
    /// Seed of sampling; 0 if nothing is sampled.
    pub seed: u64,
    /// Policy for rows with NaN or infinite values.
    pub nonfinite: Value,
    /// Whether rows may be unassigned.
    pub allow_unassigned: bool,
    /// Distances to write.
    pub distances: Value,
}

/// Hash of a fingerprint: BLAKE3 (hex) of its compact JSON.
pub fn hash_of(content: &Value) -> String {
    blake3::hash(content.to_string().as_bytes()).to_hex().to_string()
}

impl RunFingerprint {
    /// BLAKE3 (hex) of all fields except paths and modification times of files.
    pub fn hash(&self) -> String {
        hash_of(&self.content())
    }

    /// Describes each field that differs from `other`, for example `metrics: ["inertia"] instead of ["size"]`.
    pub fn differences(&self, other: &RunFingerprint) -> Vec<String> {
        let (mine, theirs) = (self.content(), other.content());
        let (Value::Object(mine), Value::Object(theirs)) = (mine, theirs) else { return Vec::new() };
        let differs = |(key, value): (String, Value)| {
            let there = theirs.get(&key).cloned().unwrap_or_default();
            (there != value).then(|| format!("{key}: {} instead of {}", short(&value), short(&there)))
        };
        mine.into_iter().filter_map(differs).collect()
    }

    /// The fields as JSON, without paths and modification times, which copies of a file don't share.
    fn content(&self) -> Value {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        let strip = |file: &mut Value| {
            if let Value::Object(file) = file {
                file.retain(|key, _| matches!(key.as_str(), "bytes" | "checksum"));
            }
        };
        for key in ["embeddings", "hierarchy"] {
            value[key].as_array_mut().into_iter().flatten().for_each(strip);
        }
        strip(&mut value["subset"]);
        value
    }
}

/// A value as text, truncated to fit into a message.
fn short(value: &Value) -> String {
    const MOST: usize = 120;
    let text = value.to_string();
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn fingerprint() -> RunFingerprint {
        let file = |name: &str| FileFingerprint {
            path: format!("/data/{name}").into(),
            bytes: 100,
            modified: Some("2026-01-01T00:00:00Z".to_owned()),
            checksum: format!("checksum of {name}"),
        };
        RunFingerprint {
            version: "1".to_owned(),
            rows: 10,
            dim: 2,
            dtype: "<f4".to_owned(),
            normalize: false,
            arrays: Vec::new(),
            embeddings: vec![file("x.npy")],
            hierarchy: vec![file("sorted_clusters.npy"), file("centroids.npy")],
            level_columns: Vec::new(),
            subset: None,
            levels: vec![1, 2],
            metrics: vec!["inertia".to_owned()],
            silhouette: "off".to_owned(),
            seed: 0,
            nonfinite: Value::from("refuse"),
            allow_unassigned: false,
            distances: Value::from("none"),
        }
    }

    #[test]
    fn copies_agree_and_other_content_does_not() {
        let (here, mut copy) = (fingerprint(), fingerprint());
        copy.embeddings[0].path = "/scratch/7/x.npy".into();
        copy.embeddings[0].modified = None;
        assert_eq!((here.hash(), here.differences(&copy)), (copy.hash(), Vec::new()));
        let mut other = fingerprint();
        other.hierarchy[1].checksum = "another".to_owned();
        other.levels = vec![1];
        assert_ne!(here.hash(), other.hash());
        let differences = other.differences(&here);
        assert_eq!(differences.len(), 2);
        assert_eq!(differences[1], "levels: [1] instead of [1,2]");
        assert!(differences[0].starts_with("hierarchy: "), "{differences:?}");
    }
}
