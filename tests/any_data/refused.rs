//! What `kmeans` refuses, and what a refused run leaves behind: nothing.

use serde_json::Value;

use crate::common::{Draw, Dtype, devices};
use crate::fixtures::{Place, evaluated, matrix, none_of, said};
use crate::means::{Mean, exact_sum};

fn rows(scale: f64, offset: f64, n: usize) -> Vec<Vec<f64>> {
    let mut random = Draw(41);
    let centres: Vec<Vec<f64>> = (0..6).map(|_| (0..8).map(|_| 8.0 * random.value()).collect()).collect();
    let row = |number: usize| centres[number % 6].iter().map(|c| offset + scale * (c + random.value())).collect();
    (0..n).map(row).collect()
}

const SIX: [&str; 4] = ["--n-clusters", "6", "--n-iters", "20"];

#[test]
fn values_beyond_float32_are_clustered_or_refused_whatever_the_start() {
    let mut faults = Vec::new();
    for device in devices() {
        for (init, scale, dtype) in [
            ("random", 1e39, "float32"),
            ("random", 1e39, "float64"),
            ("kmeans-plus-plus", 1e39, "float32"),
            ("kmeans-plus-plus", 1e39, "float64"),
            ("random", 1e200, "float64"),
        ] {
            let values = rows(scale, 0.0, 300);
            let place = Place::with(&values, Dtype::F8);
            let options = [&SIX[..], &["--init", init, "--dtype", dtype, "--device", device]].concat();
            let output = place.kmeans("out", &options);
            let what = format!("{device}, {init}, {scale:e}, {dtype}, exit {:?}", output.status.code());
            let mut hold = |fine: bool, fault: &str| {
                if !fine {
                    faults.push(format!("{fault}: {what}"));
                }
            };
            if output.status.success() {
                let centroids = matrix(&place.at("out/level1/centroids.npy"));
                hold(centroids.iter().all(|value| value.is_finite()), "infinite centroids");
                let record = std::fs::read_to_string(place.at("out/kmeans.json")).expect("a record");
                let record: Value = serde_json::from_str(&record).expect("JSON");
                let step = &record["steps"][0];
                let objectives = step["objectives"].as_array().expect("a list");
                let numbers = objectives.iter().all(Value::is_number) && step["mean_squared_distance"].is_number();
                hold(numbers, "nulls in the step of kmeans.json");
                if centroids.iter().all(|value| value.is_finite()) {
                    let filled = evaluated(&place, "out", &values).1;
                    hold(filled == 6, &format!("{filled} of 6 clusters filled"));
                }
            } else {
                hold(output.status.code() == Some(3), "exit code");
                hold(place.files("out").is_empty(), &format!("left behind {:?}", place.files("out")));
            }
            // what was written can be read, and what was refused is not in the way
            let again = place.kmeans("out", &[&options[..], &["--force"]].concat());
            let fault = format!("then with --force {:?}: {}", again.status.code(), said(&again));
            hold(again.status.code() == output.status.code(), &fault);
        }
    }
    none_of(&faults);
}

#[test]
fn force_replaces_a_damaged_folder() {
    let values = rows(1.0, 0.0, 300);
    for device in devices() {
        for damaged in ["{\"format\": null}", "", "not JSON", "[1, 2"] {
            let place = Place::with(&values, Dtype::F4);
            let options = [&SIX[..], &["--device", device]].concat();
            place.made("out", &options);
            std::fs::write(place.at("out/kmeans.json"), damaged).expect("writes");
            let refused = place.kmeans("out", &options);
            assert!(!refused.status.success() && said(&refused).contains("--force"), "{damaged}: {}", said(&refused));
            let made = place.made("out", &[&options[..], &["--force"]].concat());
            assert_eq!(made["complete"], true, "{damaged}");
        }
    }
}

#[test]
fn centroids_that_float32_can_not_tell_apart_are_refused_with_the_remedy_or_stored_as_float64() {
    let values = rows(1.0, 1e9, 600);
    let all: Vec<&[f64]> = values.iter().map(Vec::as_slice).collect();
    let mean = Mean::of(&all);
    let one_cluster = exact_sum(all.iter().map(|row| mean.squared_to(row)));
    let as_made: f64 = (0..6)
        .map(|blob| {
            let rows: Vec<&[f64]> = all.iter().copied().skip(blob).step_by(6).collect();
            let mean = Mean::of(&rows);
            exact_sum(rows.iter().map(|row| mean.squared_to(row)))
        })
        .sum();
    assert!(as_made < 0.2 * one_cluster, "the blobs are apart");
    let mut faults = Vec::new();
    for device in devices() {
        for dtype in [&[][..], &["--dtype", "float64"]] {
            let place = Place::with(&values, Dtype::F8);
            let output = place.kmeans("out", &[&SIX[..], dtype, &["--device", device]].concat());
            if output.status.success() {
                let (objective, filled) = evaluated(&place, "out", &values);
                let what = format!("{device}, {dtype:?}: {objective}; one cluster {one_cluster}, as made {as_made}");
                if objective > 1.001 * as_made || filled < 6 {
                    faults.push(format!("{what}, {filled} of 6 filled"));
                }
            } else if !dtype.is_empty() || !said(&output).contains("--dtype float64") {
                faults.push(format!("{device}: {}", said(&output)));
            } else if !place.files("out").is_empty() {
                faults.push(format!("{device}: left behind {:?}", place.files("out")));
            }
        }
    }
    none_of(&faults);
}

#[test]
fn a_refused_run_leaves_nothing_behind_and_the_mended_one_goes_through() {
    let mut faults = Vec::new();
    let good = rows(1.0, 0.0, 300);
    let mut bad = good.clone();
    (bad[3][1], bad[77][0]) = (f64::NAN, f64::INFINITY);
    for device in devices() {
        for init in ["random", "kmeans-plus-plus"] {
            let place = Place::with(&bad, Dtype::F4);
            let options = [&SIX[..], &["--init", init, "--device", device]].concat();
            let refused = place.kmeans("out", &options);
            if refused.status.code() != Some(3) || place.at("out").exists() {
                let left = place.files("out");
                faults.push(format!("{device}, {init}: exit {:?}, left behind {left:?}", refused.status.code()));
            }
            place.put(&good, Dtype::F4);
            let mended = place.kmeans("out", &options);
            if !mended.status.success() {
                faults.push(format!("{device}, {init}: the mended run: {}", said(&mended)));
            }
        }
    }
    none_of(&faults);
}

#[test]
fn a_refused_run_leaves_what_was_in_the_folder() {
    let good = rows(1.0, 0.0, 300);
    let mut bad = good.clone();
    bad[3][1] = f64::NAN;
    for device in devices() {
        let place = Place::with(&bad, Dtype::F4);
        std::fs::create_dir(place.at("out")).expect("makes a folder");
        std::fs::write(place.at("out/notes.txt"), "mine").expect("writes");
        let options = [&SIX[..], &["--device", device]].concat();
        assert_eq!(place.kmeans("out", &options).status.code(), Some(3));
        assert_eq!(place.files("out"), ["notes.txt"], "{device}");
    }
}
