//! The program on the digits that ship with it, against values that scikit-learn and SciPy gave in float64
//! (tests/data/golden/make.py).

mod common;

use std::path::Path;

use common::{agrees, devices, judged, scratch};
use serde_json::Value;

/// Sums and means; ratios of them (entropy, Gini, shares) come from whole counts.
const TOLERANCE: f64 = 1e-6;

fn golden() -> Value {
    let text = include_str!("data/golden/digits.json");
    serde_json::from_str(text).expect("valid JSON")
}

/// The first figure that differs, or how many were compared.
fn compare(record: &Value, golden: &Value) -> Result<usize, String> {
    let mut compared = 0;
    let want = golden["levels"].as_array().expect("levels");
    let got = record["levels"].as_array().expect("levels");
    if got.len() != want.len() {
        return Err(format!("{} levels instead of {}", got.len(), want.len()));
    }
    for (got, want) in got.iter().zip(want) {
        let scale = want["figures"]["inertia"].as_f64().expect("a number") / 1797.0;
        for (name, want) in want["figures"].as_object().expect("figures") {
            if !agrees(&got["figures"][name], want.as_f64(), TOLERANCE, 0.0) {
                return Err(format!("{name}: {} instead of {want}", got["figures"][name]));
            }
            compared += 1;
        }
        for (name, want) in want["clusters"].as_object().expect("clusters") {
            for (cluster, want) in want.as_array().expect("a column").iter().enumerate() {
                let got = &got["clusters"][name][cluster];
                if !agrees(got, want.as_f64(), TOLERANCE, scale) {
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
    judged(&digits, &digits.join("embeddings.npy"), &out.path().join("metrics"), &["--device", device])
}

#[test]
fn every_figure_of_the_digits_agrees_with_scikit_learn() {
    for device in devices() {
        assert_eq!(compare(&digits(device), &golden()), Ok(3 * 8 + 5 * (200 + 40 + 10)), "{device}");
    }
}

#[test]
fn one_wrong_figure_is_noticed() {
    let record = digits("cpu");
    for path in ["/levels/0/figures/inertia", "/levels/1/clusters/mean_distance/7", "/levels/2/clusters/max_distance/9"]
    {
        let mut golden = golden();
        let figure = golden.pointer_mut(path).expect("there");
        *figure = (figure.as_f64().expect("a number") * (1.0 + 3e-6)).into();
        assert!(compare(&record, &golden).is_err(), "{path}");
    }
    let mut damaged = record;
    *damaged.pointer_mut("/levels/0/clusters/inertia/0").expect("there") = Value::Null;
    assert!(compare(&damaged, &golden()).is_err());
}
