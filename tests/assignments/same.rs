//! Labels and centroids in files give the metrics of the folder that they were taken from, to the bit.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::common::{devices, record, scratch, shared};
use crate::fixtures::{SHAPE, data, levels_of, list, metrics, succeeded, write_labels};

/// The levels of the folder's run and of a run on these labels and centroids.
fn both(folder: &Path, embeddings: &Path, (labels, centroids): (&[Vec<i64>], &[PathBuf]), more: &[&str]) -> [Value; 2] {
    let place = scratch();
    let mut files: Vec<PathBuf> = Vec::new();
    for (index, labels) in labels.iter().enumerate() {
        files.push(place.path().join(format!("l{index}.npy")));
        write_labels(&files[index], labels);
    }
    let run = |out: &str, arguments: &[&str]| {
        let out = place.path().join(out);
        succeeded(&mut metrics(embeddings, &out, &[arguments, more].concat()));
        record(&out)
    };
    let of_folder = run("folder", &[folder.to_str().expect("UTF-8")]);
    let of_labels = run("labels", &["--assignments", &list(&files), "--centroids", &list(centroids)]);
    [of_folder["levels"].clone(), of_labels["levels"].clone()]
}

#[test]
fn the_digits_are_equal_to_the_bit() {
    let folder = data("digits");
    let embeddings = folder.join("embeddings.npy");
    let (labels, centroids) = levels_of(&folder, SHAPE.0, SHAPE.1);
    for device in devices() {
        for silhouette in ["exact", "sample:300"] {
            let more = ["--metrics", "all", "--silhouette", silhouette, "--device", device];
            let [of_folder, of_labels] = both(&folder, &embeddings, (&labels, &centroids), &more);
            assert_eq!(of_folder, of_labels, "{silhouette} on {device}");
            assert!(of_labels[0]["parent"].as_array().is_some_and(|parents| !parents.is_empty()), "levels nest");
        }
    }
    // a difference of one label shows
    let mut other = labels;
    let last = other[0].len() - 1;
    other[0][last] = (other[0][last] + 1) % 40;
    let [of_folder, of_labels] = both(&folder, &embeddings, (&other, &centroids), &["--metrics", "fast"]);
    assert_ne!(of_folder, of_labels);
}

#[test]
fn photos_are_equal_to_the_bit() {
    let Some(photos) = shared().map(|data| data.join("photos")) else { return };
    let (labels, centroids) = levels_of(&photos.join("hier"), 3000, 128);
    let more = ["--metrics", "all", "--silhouette", "exact", "--yes"];
    let [of_folder, of_labels] =
        both(&photos.join("hier"), &photos.join("embeddings.npy"), (&labels, &centroids), &more);
    assert_eq!(of_folder, of_labels);
}
