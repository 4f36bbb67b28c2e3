//! The settings of runs, and which of them differ.

use std::cmp::Ordering;

use serde_json::Value;

use super::read::{KMEANS, Run};
use super::table::text;
use crate::base::error::Finding;
use crate::metrics::unknown;

/// Settings that change no metric of levels: where and how a run is executed, and what it shows. The list of metrics counts
/// among them.
const NEUTRAL: [&str; 28] = [
    "out",
    "force",
    "yes",
    "fail-if",
    "checkpoint",
    "scratch",
    "device",
    "threads",
    "no-tuning",
    "tile-rows",
    "distances",
    "metrics",
    "best",
    "worst",
    "montage-size",
    "montage-min-size",
    "montage-format",
    "montage-captions",
    "contact-sheet",
    "parquet",
    "parquet-thumbnails",
    "map",
    "sample",
    "rank-by",
    "images",
    "image-root",
    "image-column",
    "caption-column",
];

/// Settings of k-means that change no clustering: where and how it is computed.
const NEUTRAL_FOR_KMEANS: [&str; 13] = [
    "exp-dir",
    "embeddings-path",
    "checkpoint",
    "checkpoint-period",
    "device",
    "threads",
    "no-tuning",
    "ngpus-per-node",
    "nnodes",
    "ncpus-per-gpu",
    "slurm-partition",
    "high-precision",
    "interface",
];

/// Start of the settings of trackers, of which none changes a result.
const TRACKING: &str = "track";

/// The folders that runs and clusterings are written to.
const FOLDERS: [&str; 2] = ["out", "kmeans.exp-dir"];

/// Every setting that some run has, in the order of the records.
pub fn all(runs: &[Run]) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for key in runs.iter().flat_map(|run| run.settings.keys()) {
        if !keys.contains(key) {
            keys.push(key.clone());
        }
    }
    keys
}

/// Settings that differ between runs, without the output folders, which always do.
pub fn differing(runs: &[Run]) -> Vec<String> {
    let differs = |key: &String| runs.windows(2).any(|pair| value(&pair[0], key) != value(&pair[1], key));
    all(runs).into_iter().filter(|key| !FOLDERS.contains(&key.as_str()) && differs(key)).collect()
}

/// The setting that differs and can change metrics, if there is exactly one.
pub fn only_parameter(runs: &[Run]) -> Option<String> {
    let mut differing: Vec<String> = differing(runs).into_iter().filter(|key| decides(key)).collect();
    if differing.iter().any(|key| key.starts_with(KMEANS)) {
        // the clusterings differ because their settings do
        differing.retain(|key| key != "clustering");
    }
    differing.pop().filter(|_| differing.is_empty())
}

fn decides(key: &str) -> bool {
    let (key, neutral) = match key.strip_prefix(KMEANS) {
        Some(of_kmeans) => (of_kmeans, NEUTRAL_FOR_KMEANS.as_slice()),
        None => (key, NEUTRAL.as_slice()),
    };
    !key.starts_with(TRACKING) && !neutral.contains(&key)
}

/// Looks up a setting by its name as a user writes it, with `-` or `_`.
///
/// # Errors
/// No run has such a setting; the finding suggests the nearest name.
pub fn named(runs: &[Run], name: &str) -> Result<String, Finding> {
    let all = all(runs);
    let key = name.trim().replace('_', "-");
    if all.contains(&key) { Ok(key) } else { Err(unknown("setting", &key, all.iter().map(String::as_str))) }
}

/// The value of a run; null if its record has none.
pub fn value<'a>(run: &'a Run, key: &str) -> &'a Value {
    run.settings.get(key).unwrap_or(&Value::Null)
}

/// Orders values: null first, then numbers by size, then everything else in natural order (`sample:50` before
/// `sample:1000`).
pub fn compare(a: &Value, b: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Null => 0,
        Value::Number(_) => 1,
        _ => 2,
    };
    let by_size = match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => Ordering::Equal,
    };
    let by_text = || natord::compare(&text(a), &text(b)).then_with(|| text(a).cmp(&text(b)));
    rank(a).cmp(&rank(b)).then(by_size).then_with(by_text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_have_the_order_that_a_reader_expects() {
        let mut values = [json!("sample:1000"), json!(10), json!("exact"), json!(9.5), json!(null), json!("sample:50")];
        values.sort_by(compare);
        let sorted = [json!(null), json!(9.5), json!(10), json!("exact"), json!("sample:50"), json!("sample:1000")];
        assert_eq!(values, sorted);
    }

    #[test]
    fn every_setting_is_neutral_or_decides_metrics() {
        let settings = crate::plan::settings::Options { clustering: Some("c".into()), ..Default::default() };
        let settings = serde_json::to_value(settings.resolve().expect("resolves")).expect("serialises");
        assert!(NEUTRAL.iter().all(|key| settings.get(key).is_some()));
        // every new setting belongs to one of the two lists
        let deciding =
            ["clustering", "embeddings", "subset-indices", "labels", "allow-unassigned", "nonfinite", "levels"];
        let reading = ["array", "column", "dtype", "label-column", "normalize"];
        let of_labels = ["assignments", "centroids", "level-columns"];
        let more = reading.into_iter().chain(of_labels).chain(["silhouette", "seed"]);
        let deciding: Vec<&str> = deciding.into_iter().chain(more).collect();
        let keys = settings.as_object().expect("settings").keys();
        let unknown: Vec<_> = keys.filter(|k| decides(k) && !deciding.contains(&k.as_str())).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}
