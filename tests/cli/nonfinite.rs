//! Rows that hold a NaN or an infinity, on every device.

use std::fs;

use serde_json::Value;

use crate::common::{Clustering, devices};
use crate::fixtures::{Place, ROWS, clustering};

/// Rows made bad, each in its own way.
const BAD: [(usize, f64); 4] = [(3, f64::NAN), (17, f64::INFINITY), (18, f64::NEG_INFINITY), (59, f64::NAN)];

fn broken() -> Clustering {
    let mut made = clustering();
    for (i, (row, value)) in BAD.iter().enumerate() {
        made.points[*row][i] = *value;
    }
    made
}

/// [`clustering`] without the bad rows: the others move up.
fn without() -> Clustering {
    let mut made = clustering();
    let bad = |row: u64| BAD.iter().any(|(bad, _)| *bad as u64 == row);
    let moved = |row: u64| row - BAD.iter().filter(|(bad, _)| (*bad as u64) < row).count() as u64;
    made.points = (0..ROWS as u64).filter(|row| !bad(*row)).map(|row| made.points[row as usize].clone()).collect();
    for members in &mut made.levels[0].0 {
        *members = members.iter().filter(|row| !bad(**row)).map(|row| moved(*row)).collect();
    }
    made
}

/// The figures alone, without which clusters are shown.
fn figures(record: &Value) -> Vec<(&Value, &Value)> {
    record["levels"].as_array().expect("levels").iter().map(|level| (&level["figures"], &level["clusters"])).collect()
}

#[test]
fn bad_rows_are_refused_with_their_numbers_and_count() {
    let place = Place::of(&broken());
    for device in devices() {
        for tile in ["1", "7", "60"] {
            let parts = [
                "NaN or infinite",
                "embeddings.npy",
                "4 such rows among the 60 read: 3, 17, 18, 59",
                "--nonfinite skip",
            ];
            place.refused(&["--device", device, "--tile-rows", tile], 3, &parts);
        }
    }
}

#[test]
fn many_bad_rows_are_counted_and_the_first_named() {
    let mut made = clustering();
    made.points.iter_mut().skip(5).for_each(|row| row[1] = f64::NAN);
    let place = Place::of(&made);
    for device in devices() {
        place.refused(&["--device", device], 3, &["55 such rows", "5, 6, 7, 8, 9, 10, 11, 12, 13, 14, ..."]);
    }
}

#[test]
fn skipped_rows_are_as_if_they_were_not_there() {
    let (bad, good) = (Place::of(&broken()), Place::of(&without()));
    for device in devices() {
        for tile in ["1", "7", "60"] {
            let more = ["--device", device, "--tile-rows", tile, "--force", "--distances", "own"];
            let want = good.judged(&more);
            let got = bad.judged(&[&more[..], &["--nonfinite", "skip"]].concat());
            close(&got, &want, if device == "cpu" { 1e-12 } else { 1e-6 });
            assert_eq!(got["skipped_rows"], 4);
            let warnings = got["warnings"].to_string();
            assert!(warnings.contains("4 rows hold a NaN") && warnings.contains("3, 17, 18, 59"), "{warnings}");
            let distances = fs::read(bad.out.join("level1/distances.npy")).expect("distances");
            let distance = |row: usize| {
                let at = distances.len() - 4 * (ROWS - row);
                f32::from_le_bytes(distances[at..at + 4].try_into().expect("4 bytes"))
            };
            assert!((0..ROWS).all(|row| distance(row).is_nan() == BAD.iter().any(|(bad, _)| *bad == row)));
        }
    }
}

/// Holds all figures of two records together.
fn close(got: &Value, want: &Value, tolerance: f64) {
    fn walk(got: &Value, want: &Value, tolerance: f64, path: &str) {
        match (got, want) {
            (Value::Number(g), Value::Number(w)) => {
                let (g, w) = (g.as_f64().expect("real"), w.as_f64().expect("real"));
                assert!((g - w).abs() <= tolerance * w.abs().max(1e-3), "{path}: {g} instead of {w}");
            }
            (Value::Object(g), Value::Object(w)) => {
                assert_eq!(g.keys().collect::<Vec<_>>(), w.keys().collect::<Vec<_>>());
                g.iter().for_each(|(key, g)| walk(g, &w[key], tolerance, &format!("{path}.{key}")));
            }
            (Value::Array(g), Value::Array(w)) => {
                assert_eq!(g.len(), w.len(), "{path}");
                g.iter().zip(w).enumerate().for_each(|(i, (g, w))| walk(g, w, tolerance, &format!("{path}[{i}]")));
            }
            (got, want) => assert_eq!(got, want, "{path}"),
        }
    }
    for ((got_level, got_clusters), (want_level, want_clusters)) in figures(got).into_iter().zip(figures(want)) {
        walk(got_level, want_level, tolerance, "level");
        walk(got_clusters, want_clusters, tolerance, "clusters");
    }
}

#[test]
fn a_cluster_of_bad_rows_alone_counts_as_empty() {
    let mut made = clustering();
    let rows = made.levels[0].0[0].clone();
    rows.iter().for_each(|&row| made.points[row as usize][0] = f64::NAN);
    let place = Place::of(&made);
    for device in devices() {
        let record = place.judged(&["--device", device, "--nonfinite", "skip", "--force"]);
        let level = &record["levels"][0];
        assert_eq!((&level["clusters"]["size"][0], &level["figures"]["empty_clusters"]), (&0.into(), &2.into()));
        assert!(level["clusters"]["mean_inertia"][0].is_null());
    }
}

#[test]
fn bad_rows_that_are_in_no_cluster_do_not_matter() {
    let mut made = broken();
    made.levels[0].0.iter_mut().for_each(|rows| rows.retain(|row| !BAD.iter().any(|(bad, _)| *bad as u64 == *row)));
    let place = Place::of(&made);
    for device in devices() {
        let record = place.judged(&["--device", device, "--allow-unassigned", "--force"]);
        assert_eq!((&record["skipped_rows"], &record["levels"][0]["figures"]["points"]), (&0.into(), &56.into()));
    }
}
