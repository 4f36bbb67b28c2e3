//! The program on hierarchies that the real ssl-data-curation wrote, against float64 oracles that numpy made of them.
//! Runs where the data lies beside the checkout.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{agrees, devices, judged, scratch, shared};
use serde_json::Value;

/// Sums and means, by the crate's contract.
const TOLERANCE: f64 = 1e-6;

/// Name of the set, and of the set whose embeddings it clusters.
const SETS: [(&str, &str); 4] =
    [("digits", "digits"), ("digits_split", "digits"), ("photos", "photos"), ("rings", "rings")];

/// The oracle's names of our columns.
const COLUMNS: [(&str, &str); 4] =
    [("size", "size"), ("inertia", "inertia"), ("mean_distance", "mean_dist"), ("max_distance", "max_dist")];

/// Embeddings in C order: `rings` is stored in Fortran order, which the program refuses with the way out.
fn c_order(path: &Path, folder: &Path) -> PathBuf {
    let bytes = fs::read(path).expect("embeddings");
    let header = String::from_utf8_lossy(&bytes[..128]).into_owned();
    if !header.contains("'fortran_order': True") {
        return path.to_owned();
    }
    let values: Vec<f64> =
        bytes[128..].chunks(4).map(|b| f64::from(f32::from_le_bytes(b.try_into().expect("4")))).collect();
    let rows = values.len() / 2;
    let points: Vec<Vec<f64>> = (0..rows).map(|row| vec![values[row], values[rows + row]]).collect();
    let fixed = folder.join("c_order.npy");
    fs::write(&fixed, common::npy(&points, common::Dtype::F4)).expect("writes");
    fixed
}

/// The first figure that differs, or how many were compared.
fn compare(record: &Value, oracle: &Value) -> Result<usize, String> {
    let mut compared = 0;
    let want = oracle["levels"].as_array().expect("levels");
    let got = record["levels"].as_array().expect("levels");
    if got.len() != want.len() {
        return Err(format!("{} levels instead of {}", got.len(), want.len()));
    }
    for (got, want) in got.iter().zip(want) {
        let points: u64 = want["size"].as_array().expect("sizes").iter().filter_map(Value::as_u64).sum();
        let scale = want["total_inertia"].as_f64().expect("a number") / points as f64;
        for (ours, theirs) in [("inertia", "total_inertia"), ("average_inertia", "average_inertia")] {
            if !agrees(&got["figures"][ours], want[theirs].as_f64(), TOLERANCE, 0.0) {
                return Err(format!("{ours}: {} instead of {}", got["figures"][ours], want[theirs]));
            }
            compared += 1;
        }
        for (ours, theirs) in COLUMNS {
            for (cluster, want) in want[theirs].as_array().expect("a column").iter().enumerate() {
                let got = &got["clusters"][ours][cluster];
                if !agrees(got, want.as_f64(), TOLERANCE, scale) {
                    return Err(format!("{ours}[{cluster}]: {got} instead of {want}"));
                }
                compared += 1;
            }
        }
    }
    Ok(compared)
}

fn oracle(data: &Path, set: &str) -> Value {
    let text = fs::read_to_string(data.join(set).join("oracle.json")).expect("an oracle");
    serde_json::from_str(&text).expect("valid JSON")
}

#[test]
fn every_figure_of_real_hierarchies_agrees() {
    let Some(data) = shared() else { return };
    for device in devices() {
        for (set, of) in SETS {
            let folder = scratch();
            let embeddings = c_order(&data.join(of).join("embeddings.npy"), folder.path());
            let record =
                judged(&data.join(set).join("hier"), &embeddings, &folder.path().join("out"), &["--device", device]);
            let compared = compare(&record, &oracle(&data, set));
            assert!(compared.as_ref().is_ok_and(|&n| n > 800), "{set} on {device}: {compared:?}");
        }
    }
}

#[test]
fn the_oracle_of_another_set_is_noticed() {
    let Some(data) = shared() else { return };
    let folder = scratch();
    let embeddings = data.join("digits/embeddings.npy");
    let record = judged(&data.join("digits/hier"), &embeddings, &folder.path().join("out"), &["--device", "cpu"]);
    let mut damaged = oracle(&data, "digits");
    let figure = damaged.pointer_mut("/levels/1/mean_dist/3").expect("there");
    *figure = (figure.as_f64().expect("a number") * (1.0 - 3e-6)).into();
    assert!(compare(&record, &damaged).is_err());
    assert!(compare(&record, &oracle(&data, "digits_split")).is_err());
}
