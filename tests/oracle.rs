//! Metrics of hierarchies written by ssl-data-curation, compared with float64 oracles from numpy. Runs only if the data is
//! next to the checkout.

mod common;

use std::fs;
use std::path::Path;

use common::{EVERY_FIGURE, agrees, devices, judged, scratch, shared, tolerance};
use serde_json::Value;

/// Name of the set, and of the set with its embeddings.
const SETS: [(&str, &str); 4] =
    [("digits", "digits"), ("digits_split", "digits"), ("photos", "photos"), ("rings", "rings")];

/// The oracle's names of our metrics.
const FIGURES: [(&str, &str); 7] = [
    ("inertia", "total_inertia"),
    ("average_inertia", "average_inertia"),
    ("davies_bouldin", "db_stored"),
    ("davies_bouldin_means", "db_sklearn"),
    ("calinski_harabasz", "ch_sklearn"),
    ("simplified_silhouette", "ss_overall"),
    ("silhouette", "sil_overall"),
];

/// The oracle's names of our columns.
const COLUMNS: [(&str, &str); 6] = [
    ("size", "size"),
    ("inertia", "inertia"),
    ("mean_distance", "mean_dist"),
    ("max_distance", "max_dist"),
    ("simplified_silhouette", "ss_cluster_mean"),
    ("silhouette", "sil_cluster_mean"),
];

/// The first metric that differs, or the number of metrics compared.
fn compare(record: &Value, oracle: &Value) -> Result<usize, String> {
    let want = oracle["levels"].as_array().expect("levels");
    let got = record["levels"].as_array().expect("levels");
    if got.len() != want.len() {
        return Err(format!("{} levels instead of {}", got.len(), want.len()));
    }
    got.iter().zip(want).map(|(got, want)| compare_level(got, want)).sum()
}

fn compare_level(got: &Value, want: &Value) -> Result<usize, String> {
    let mut compared = 0;
    let points: u64 = want["size"].as_array().expect("sizes").iter().filter_map(Value::as_u64).sum();
    let mean_inertia = want["total_inertia"].as_f64().expect("a number") / points as f64;
    for (ours, theirs) in FIGURES {
        if !agrees(&got["figures"][ours], want[theirs].as_f64(), tolerance(ours), 0.0) {
            return Err(format!("{ours}: {} instead of {}", got["figures"][ours], want[theirs]));
        }
        compared += 1;
    }
    // the oracle counts ties as assigned to the nearest centroid
    let misassigned = points as f64 * (1.0 - want["frac_own_is_nearest"].as_f64().expect("a number"));
    if !agrees(&got["figures"]["misassigned"], Some(misassigned.round()), 0.0, 0.0) {
        return Err(format!("misassigned: {} instead of {misassigned}", got["figures"]["misassigned"]));
    }
    for (ours, theirs) in COLUMNS {
        let scale = if tolerance(ours) == 1e-6 { mean_inertia } else { 0.0 };
        for (cluster, want) in want[theirs].as_array().expect("a column").iter().enumerate() {
            let got = &got["clusters"][ours][cluster];
            if !agrees(got, want.as_f64(), tolerance(ours), scale) {
                return Err(format!("{ours}[{cluster}]: {got} instead of {want}"));
            }
            compared += 1;
        }
    }
    Ok(compared + 1)
}

fn oracle(data: &Path, set: &str) -> Value {
    let text = fs::read_to_string(data.join(set).join("oracle.json")).expect("an oracle");
    serde_json::from_str(&text).expect("valid JSON")
}

/// Runs the program on a set with all metrics.
fn run(data: &Path, (set, of): (&str, &str), device: &str) -> Value {
    let folder = scratch();
    let embeddings = data.join(of).join("embeddings.npy");
    let options = [&["--device", device], &EVERY_FIGURE[..]].concat();
    judged(&data.join(set).join("hier"), &embeddings, &folder.path().join("out"), &options)
}

#[test]
fn every_metric_of_real_hierarchies_agrees() {
    let Some(data) = shared() else { return };
    for device in devices() {
        for set in SETS {
            let compared = compare(&run(&data, set, device), &oracle(&data, set.0));
            assert!(compared.as_ref().is_ok_and(|&n| n > 1300), "{set:?} on {device}: {compared:?}");
        }
    }
}

#[test]
fn a_wrong_metric_is_noticed() {
    let Some(data) = shared() else { return };
    let record = run(&data, SETS[0], "cpu");
    assert!(compare(&record, &oracle(&data, "digits_split")).is_err());
    let columns = COLUMNS.map(|(ours, theirs)| (ours, format!("/levels/1/{theirs}/3")));
    let figures = FIGURES.map(|(ours, theirs)| (ours, format!("/levels/2/{theirs}")));
    for (ours, path) in columns.into_iter().chain(figures) {
        let mut damaged = oracle(&data, "digits");
        let figure = damaged.pointer_mut(&path).expect("there");
        *figure = (figure.as_f64().expect("a number") * (1.0 - 3.0 * tolerance(ours).max(1e-6))).into();
        assert!(compare(&record, &damaged).is_err(), "{path}");
    }
    let mut damaged = record;
    let figure = damaged.pointer_mut("/levels/1/figures/misassigned").expect("there");
    *figure = (figure.as_u64().expect("a count") + 1).into();
    assert!(compare(&damaged, &oracle(&data, "digits")).is_err());
}
