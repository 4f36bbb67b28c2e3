//! What the parts of a run must agree on to add up.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::formats::fingerprint::FileFingerprint;

/// Inputs and settings that decide what a part computes. Where the files lie, what device computes and what becomes of
/// the results is not in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunFingerprint {
    /// Version of the program.
    pub version: String,
    /// Rows of the embeddings.
    pub rows: u64,
    /// Columns.
    pub dim: usize,
    /// Element type as numpy names it.
    pub dtype: String,
    /// In the order of the rows.
    pub embeddings: Vec<FileFingerprint>,
    /// Clusters and centroids of every level.
    pub hierarchy: Vec<FileFingerprint>,
    /// Row numbers of the subset.
    pub subset: Option<FileFingerprint>,
    /// Levels to evaluate.
    pub levels: Vec<u32>,
    /// Names of the figures.
    pub metrics: Vec<String>,
    /// As the setting is written.
    pub silhouette: String,
    /// Seed of what is sampled; 0 where nothing is.
    pub seed: u64,
    /// What becomes of rows with NaN.
    pub nonfinite: Value,
    /// Whether rows may be in no cluster.
    pub allow_unassigned: bool,
    /// Which distances are written.
    pub distances: Value,
}

impl RunFingerprint {
    /// BLAKE3 (hex) of everything in it but the paths and the times of the files.
    pub fn hash(&self) -> String {
        blake3::hash(self.content().to_string().as_bytes()).to_hex().to_string()
    }

    /// What differs from `other`, in words: `metrics: ["inertia"] and not ["size"]`.
    pub fn differences(&self, other: &RunFingerprint) -> Vec<String> {
        let (mine, theirs) = (self.content(), other.content());
        let (Value::Object(mine), Value::Object(theirs)) = (mine, theirs) else { return Vec::new() };
        let differs = |(key, value): (String, Value)| {
            let there = theirs.get(&key).cloned().unwrap_or_default();
            (there != value).then(|| format!("{key}: {} and not {}", short(&value), short(&there)))
        };
        mine.into_iter().filter_map(differs).collect()
    }

    /// Without paths and times, which a copy of a file does not share with it.
    fn content(&self) -> Value {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        let strip = |identity: &mut Value| {
            if let Value::Object(identity) = identity {
                identity.retain(|key, _| matches!(key.as_str(), "bytes" | "checksum"));
            }
        };
        for key in ["embeddings", "hierarchy"] {
            value[key].as_array_mut().into_iter().flatten().for_each(strip);
        }
        strip(&mut value["subset"]);
        value
    }
}

/// A value that fits into a message.
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

    pub(crate) fn agreement() -> RunFingerprint {
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
            embeddings: vec![file("x.npy")],
            hierarchy: vec![file("sorted_clusters.npy"), file("centroids.npy")],
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
        let (here, mut copy) = (agreement(), agreement());
        copy.embeddings[0].path = "/scratch/7/x.npy".into();
        copy.embeddings[0].modified = None;
        assert_eq!((here.hash(), here.differences(&copy)), (copy.hash(), Vec::new()));
        let mut other = agreement();
        other.hierarchy[1].checksum = "another".to_owned();
        other.levels = vec![1];
        assert_ne!(here.hash(), other.hash());
        let differences = other.differences(&here);
        assert_eq!(differences.len(), 2);
        assert_eq!(differences[1], "levels: [1] and not [1,2]");
        assert!(differences[0].starts_with("hierarchy: "), "{differences:?}");
    }
}
