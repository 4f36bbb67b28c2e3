//! NumPy reads the arrays that the program writes, and scikit-learn still gives the golden values. Needs the Python environment
//! of `script/test`.

mod common;

use std::path::Path;

use common::{EVERY_FIGURE, agrees, judged, python, scratch, shared};
use serde_json::Value;

fn digits() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/digits")
}

/// Runs a Python program with arguments; it must exit with 0.
fn run(code: &[&str]) -> Option<Result<String, String>> {
    let output = python()?.args(code).output().expect("Python starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some(if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stdout) + &text(&output.stderr))
    })
}

#[test]
fn the_golden_values_are_what_scikit_learn_gives() {
    made_again("golden/make.py", "digits.json", 0.0, "/levels/2/clusters/silhouette/4");
}

#[test]
fn the_golden_measures_of_agreement_are_what_scikit_learn_gives() {
    // All of them are fractions of 1, and some consist of rounding errors only.
    made_again("agreement/make.py", "agreement.json", 1e6, "/tables/14/measures/ami");
}

/// Runs a script of tests/data and compares its output with the stored file. Also checks that a wrong value at `figure` is
/// noticed.
fn made_again(script: &str, name: &str, scale: f64, figure: &str) {
    let out = scratch();
    let made = out.path().join(name);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(script);
    let Some(result) = run(&[&script.display().to_string(), &made.display().to_string()]) else { return };
    result.expect("make.py runs");
    let read = |path: &Path| -> Value {
        serde_json::from_str(&std::fs::read_to_string(path).expect("a file")).expect("valid JSON")
    };
    let [made, kept] = [read(&made), read(&script.with_file_name(name))];
    assert!(same(&made, &kept, scale), "make.py gives other values than {name}");
    let mut other = kept.clone();
    let figure = other.pointer_mut(figure).expect("there");
    *figure = (figure.as_f64().expect("a number") * (1.0 + 1e-9)).into();
    assert!(!same(&made, &other, scale));
}

/// Whether text, shape and numbers are the same, except for rounding: another processor can sum float64 in another order.
/// Differences far below `scale` count as rounding.
fn same(made: &Value, kept: &Value, scale: f64) -> bool {
    match (made, kept) {
        (Value::Array(made), Value::Array(kept)) => {
            made.len() == kept.len() && made.iter().zip(kept).all(|(m, k)| same(m, k, scale))
        }
        (Value::Object(made), Value::Object(kept)) => {
            made.len() == kept.len() && made.iter().all(|(name, m)| kept.get(name).is_some_and(|k| same(m, k, scale)))
        }
        (Value::Number(_), Value::Number(_)) => agrees(made, kept.as_f64(), 1e-10, scale),
        _ => made == kept,
    }
}

/// Opens every array as a user would, and compares distances and inertia with their definition in float64.
const OPEN: &str = "
import sys, numpy as np
digits, out = sys.argv[1:]
points = np.load(f'{digits}/embeddings.npy').astype(np.float64)
labels = None
for level in (1, 2, 3):
    members = np.load(f'{digits}/level{level}/sorted_clusters.npy', allow_pickle=True)
    below = np.empty(sum(map(len, members)), dtype=np.int64)
    for cluster, rows in enumerate(members):
        below[rows.astype(np.int64)] = cluster
    labels = below if labels is None else below[labels]
    centroids = np.load(f'{digits}/level{level}/centroids.npy')
    every = np.linalg.norm(points[:, None, :] - centroids[None], axis=2)
    own = every[np.arange(len(points)), labels]
    got_own = np.load(f'{out}/level{level}/distances.npy', mmap_mode='r')
    got_every = np.load(f'{out}/level{level}/distances_all.npy', mmap_mode='r')
    inertia = np.load(f'{out}/level{level}/inertia.npy')
    assert got_own.dtype == got_every.dtype == np.float32 and inertia.dtype == np.float64
    assert got_own.shape == (len(points),) and got_every.shape == every.shape and inertia.shape == (len(centroids),)
    np.testing.assert_allclose(got_own, own, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(got_every, every, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(inertia, np.bincount(labels, own**2, minlength=len(centroids)), rtol=1e-6, atol=1e-9)
    wrong = np.array(got_every)
    wrong[7, 3] *= 1 + 1e-4
    assert not np.allclose(wrong, every, rtol=1e-5, atol=1e-5)
";

#[test]
fn numpy_opens_every_array_and_finds_the_right_values() {
    for device in common::devices() {
        let out = scratch();
        let metrics = out.path().join("metrics");
        judged(&digits(), &digits().join("embeddings.npy"), &metrics, &["--distances", "all", "--device", device]);
        let arguments = ["-c", OPEN, &digits().display().to_string(), &metrics.display().to_string()];
        let Some(result) = run(&arguments) else { return };
        result.unwrap_or_else(|wrong| panic!("{device}: {wrong}"));
    }
}

#[test]
fn the_independent_checker_agrees_on_real_hierarchies() {
    let Some(data) = shared() else { return };
    let checker = data.with_file_name("check_metrics.py").display().to_string();
    for device in common::devices() {
        for (set, of) in [("digits", "digits"), ("digits_split", "digits"), ("photos", "photos")] {
            let out = scratch();
            let metrics = out.path().join("metrics");
            let embeddings = data.join(of).join("embeddings.npy");
            let options = [&["--distances", "own", "--device", device], &EVERY_FIGURE[..]].concat();
            judged(&data.join(set).join("hier"), &embeddings, &metrics, &options);
            let folder = data.join(set).display().to_string();
            let checks = [&checker, &metrics.display().to_string(), &folder, "--own", "--full"];
            let Some(result) = run(&checks) else { return };
            assert!(result.as_ref().is_ok_and(|text| text.contains("figures agree")), "{set} on {device}: {result:?}");
        }
    }
}
