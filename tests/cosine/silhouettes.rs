//! Cosine silhouettes beside scikit-learn and beside their definition.

use std::path::Path;

use serde_json::Value;

use crate::common::{Clustering, Dtype, agrees, devices, judged, python, scratch, shared};
use crate::data::{KINDS, Kind, draw};
use crate::definition::silhouettes;

const METRICS: [&str; 4] = ["--normalize", "--metrics", "silhouette_cosine", "--yes"];

/// Silhouettes are 1 less a ratio of means, so errors are relative to 1.
fn near(got: &Value, want: Option<f64>) -> bool {
    match (got.as_f64(), want) {
        (Some(got), Some(want)) => (got - want).abs() <= 1e-5,
        (None, None) => got.is_null(),
        _ => false,
    }
}

/// The first silhouette of a record that scikit-learn's differ from, or the number of values compared.
fn compare(record: &Value, want: &Value) -> Result<usize, String> {
    let levels = record["levels"].as_array().expect("levels");
    assert_eq!(Some(levels.len()), want.as_array().map(Vec::len));
    let mut compared = 0;
    for (got, want) in levels.iter().zip(want.as_array().expect("levels")) {
        let of_level = [(&got["figures"]["silhouette_cosine"], &want["level"])];
        let column = got["clusters"]["silhouette_cosine"].as_array().expect("a column");
        let of_clusters = column.iter().zip(want["clusters"].as_array().expect("a column"));
        for (got, want) in of_level.into_iter().chain(of_clusters) {
            if !near(got, want.as_f64()) {
                return Err(format!("{got} instead of {want}"));
            }
            compared += 1;
        }
    }
    Ok(compared)
}

pub(crate) fn stored_values() -> Value {
    serde_json::from_str(include_str!("../data/cosine/cosine.json")).expect("valid JSON")
}

#[test]
fn the_digits_have_scikit_learns_silhouettes() {
    let digits = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/digits");
    let (out, want) = (scratch(), stored_values()["digits"].clone());
    for device in devices() {
        let options = [&METRICS[..], &["--device", device, "--force"]].concat();
        let record = judged(&digits, &digits.join("embeddings.npy"), out.path(), &options);
        assert_eq!(compare(&record, &want), Ok(3 + 200 + 40 + 10), "{device}");
        for path in ["/1/level", "/0/clusters/7", "/2/clusters/9"] {
            let mut wrong = want.clone();
            let value = wrong.pointer_mut(path).expect("there");
            *value = (value.as_f64().expect("a number") + 3e-5).into();
            assert!(compare(&record, &wrong).is_err(), "{path}");
        }
    }
}

#[test]
fn larger_data_has_scikit_learns_silhouettes() {
    let (Some(data), Some(_)) = (shared(), python()) else { return };
    for name in ["photos", "sentences"] {
        let (hier, embeddings) = (data.join(name).join("hier"), data.join(name).join("embeddings.npy"));
        if !hier.is_dir() {
            continue;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cosine/make.py");
        let output = python().expect("there").arg(script).arg(&hier).arg(&embeddings).output().expect("starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let want: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let out = scratch();
        let record = judged(&hier, &embeddings, out.path(), &[&METRICS[..], &["--device", "cpu"]].concat());
        assert!(compare(&record, &want).is_ok_and(|compared| compared > 10), "{name}: {:?}", compare(&record, &want));
    }
}

/// What is wrong with the silhouettes of a record, a line each.
fn wrong(record: &Value, clustering: &Clustering) -> Vec<String> {
    // rows of one direction and any lengths are equal but for the rounding of float32
    let equal = 1e-13;
    let mut wrong = Vec::new();
    for level in 0..clustering.levels.len() {
        let (got, want) = (&record["levels"][level], silhouettes(clustering, level, equal));
        let (figure, column) = (&got["figures"]["silhouette_cosine"], &got["clusters"]["silhouette_cosine"]);
        if !near(figure, want.level) {
            wrong.push(format!("level {level}: {figure} instead of {:?}", want.level));
        }
        for (cluster, want) in want.clusters.into_iter().enumerate() {
            if !near(&column[cluster], want) {
                wrong.push(format!("level {level}, cluster {cluster}: {} instead of {want:?}", column[cluster]));
            }
        }
    }
    wrong
}

#[test]
fn silhouettes_are_those_of_the_definition() {
    for device in devices() {
        for (number, kind) in KINDS.into_iter().enumerate() {
            // each type with two of the kinds on a GPU
            let types = [Dtype::F2, Dtype::F4, Dtype::F8];
            for dtype in types.into_iter().filter(|&dtype| device == "cpu" || dtype == types[number % 3]) {
                let clustering = draw(kind, dtype, [3, 16, 33][(number + dtype as usize) % 3]);
                let folder = scratch();
                let (hier, embeddings) = clustering.write(folder.path());
                let options = [&METRICS[..], &["--device", device, "--tile-rows", "64"]].concat();
                let record = judged(&hier, &embeddings, &folder.path().join("out"), &options);
                let faults = wrong(&record, &clustering);
                assert!(faults.is_empty(), "{kind:?} {dtype:?} on {device}: {faults:#?}");
                let mut other = clustering.clone();
                let moved = other.levels[0].0[2].pop().expect("has rows");
                other.levels[0].0[3].push(moved);
                let constant = kind == Kind::OneDirection;
                assert!(
                    constant || !wrong(&record, &other).is_empty(),
                    "{kind:?} {dtype:?}: another cluster is noticed"
                );
            }
        }
    }
}

#[test]
fn unit_rows_have_euclidean_metrics_of_unit_rows() {
    let clustering = draw(Kind::Groups, Dtype::F8, 16);
    let mut normalized = clustering.clone();
    normalized.points = crate::data::unit(&clustering.points);
    let judge = |clustering: &Clustering, more: &[&str]| {
        let folder = scratch();
        let (hier, embeddings) = clustering.write(folder.path());
        judged(&hier, &embeddings, &folder.path().join("out"), &[more, &["--device", "cpu"]].concat())
    };
    let (got, want, raw) = (judge(&clustering, &["--normalize"]), judge(&normalized, &[]), judge(&clustering, &[]));
    for level in 0..2 {
        for (name, want) in want["levels"][level]["figures"].as_object().expect("figures") {
            let got = &got["levels"][level]["figures"][name];
            assert!(agrees(got, want.as_f64(), 1e-9, 0.0), "{name}: {got} instead of {want}");
        }
        let inertia = |record: &Value| record["levels"][level]["figures"]["inertia"].as_f64().expect("a number");
        assert!((inertia(&raw) / inertia(&got) - 1.0).abs() > 1e-3, "the rows as they are have others");
        assert!(want["levels"][level]["figures"].get("silhouette_cosine").is_none());
    }
}
