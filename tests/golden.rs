//! Metrics of the bundled digits, compared with float64 values from scikit-learn and SciPy (tests/data/golden/make.py).

mod common;

use std::path::Path;

use common::{EVERY_FIGURE, agrees, devices, judged, scratch, tolerance};
use serde_json::Value;

fn golden() -> Value {
    let text = include_str!("data/golden/digits.json");
    serde_json::from_str(text).expect("valid JSON")
}

/// The first metric that differs, or the number of metrics compared.
fn compare(record: &Value, golden: &Value) -> Result<usize, String> {
    let mut compared = 0;
    let want = golden["levels"].as_array().expect("levels");
    let got = record["levels"].as_array().expect("levels");
    if got.len() != want.len() {
        return Err(format!("{} levels instead of {}", got.len(), want.len()));
    }
    for (got, want) in got.iter().zip(want) {
        let mean_inertia = want["figures"]["inertia"].as_f64().expect("a number") / 1797.0;
        for (name, want) in want["figures"].as_object().expect("figures") {
            if !agrees(&got["figures"][name], want.as_f64(), tolerance(name), 0.0) {
                return Err(format!("{name}: {} instead of {want}", got["figures"][name]));
            }
            compared += 1;
        }
        for (name, want) in want["clusters"].as_object().expect("clusters") {
            let scale = if name.ends_with("inertia") { mean_inertia } else { 0.0 };
            for (cluster, want) in want.as_array().expect("a column").iter().enumerate() {
                let got = &got["clusters"][name][cluster];
                if !agrees(got, want.as_f64(), tolerance(name), scale) {
                    return Err(format!("{name}[{cluster}]: {got} instead of {want}"));
                }
                compared += 1;
            }
        }
    }
    Ok(compared)
}

fn digits(device: &str) -> Value {
    let digits = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/digits");
    let out = scratch();
    let options = [&["--device", device], &EVERY_FIGURE[..]].concat();
    judged(&digits, &digits.join("embeddings.npy"), &out.path().join("metrics"), &options)
}

#[test]
fn every_metric_of_the_digits_agrees_with_scikit_learn() {
    for device in devices() {
        assert_eq!(compare(&digits(device), &golden()), Ok(3 * 15 + 12 * (200 + 40 + 10)), "{device}");
    }
}

#[test]
fn one_wrong_metric_is_noticed() {
    let record = digits("cpu");
    let mut wrong = Vec::new();
    for level in 0..3 {
        for name in golden()["levels"][level]["figures"].as_object().expect("figures").keys() {
            wrong.push((format!("/levels/{level}/figures/{name}"), tolerance(name)));
        }
        for (name, column) in golden()["levels"][level]["clusters"].as_object().expect("clusters") {
            let number = |value: &Value| value.as_f64().is_some_and(|value| value != 0.0);
            if let Some(cluster) = column.as_array().expect("a column").iter().rposition(number) {
                wrong.push((format!("/levels/{level}/clusters/{name}/{cluster}"), tolerance(name)));
            }
        }
    }
    // all metrics of level 1 except misassigned, which is 0 there; level 3 has no parents
    assert_eq!(wrong.len(), 3 * (15 + 12) - 1 - 2);
    for (path, tolerance) in wrong {
        let mut golden = golden();
        let figure = golden.pointer_mut(&path).expect("there");
        let value = figure.as_f64().expect("a number");
        *figure = if tolerance == 0.0 { (value + 1.0).into() } else { (value * (1.0 + 3.0 * tolerance)).into() };
        assert!(compare(&record, &golden).is_err(), "{path}");
    }
    for path in ["/levels/0/clusters/inertia/0", "/levels/2/figures/silhouette", "/levels/1/clusters/nearest_cluster/3"]
    {
        let mut damaged = record.clone();
        *damaged.pointer_mut(path).expect("there") = Value::Null;
        assert!(compare(&damaged, &golden()).is_err(), "{path}");
    }
}
