//! The objective beside upstream's, level by level.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::common::shared;
use crate::fixtures::{Place, inertia, refused};

/// Mean inertia per level over five seeds, each relative to upstream's.
fn beside_upstream(data: &Path, more: &[&str]) -> Vec<f64> {
    let place = Place::with(&data.join("embeddings.npy"));
    let oracle = fs::read_to_string(data.join("oracle.json")).expect("an oracle");
    let oracle: Value = serde_json::from_str(&oracle).expect("JSON");
    let upstream: Vec<f64> = oracle["levels"]
        .as_array()
        .expect("levels")
        .iter()
        .filter_map(|level| level["total_inertia"].as_f64())
        .collect();
    let config = data.join("hier/config.yaml");
    let mut sums = vec![0.0; upstream.len()];
    for seed in 0..5 {
        let out = format!("hier{seed}");
        let seed = seed.to_string();
        let mut command = place.kmeans(&out, &[&["--seed", &seed, "--device", "cpu"], more].concat());
        command.arg(&config);
        crate::fixtures::succeeded(&command.output().expect("starts"));
        let record = place.judged(&out, &[]);
        sums.iter_mut().enumerate().for_each(|(level, sum)| *sum += inertia(&record, level) / 5.0);
        fs::remove_dir_all(place.at(&out)).expect("removes");
    }
    sums.iter().zip(upstream).map(|(sum, upstream)| sum / upstream).collect()
}

#[test]
fn upstream_s_objective_is_reached_on_every_level() {
    let Some(shared) = shared() else { return };
    for name in ["digits", "photos", "rings"] {
        let ratios = beside_upstream(&shared.join(name), &[]);
        println!("{name}: {ratios:.4?} of upstream's inertia, level by level");
        assert!(ratios.iter().all(|ratio| *ratio < 1.01), "{name}: {ratios:?}");
        // what is not converged, from random points, is not as good: the comparison can fail
    }
    let worse = beside_upstream(&shared.join("photos"), &["--n-iters", "1", "--init", "random"]);
    assert!(worse.iter().any(|ratio| *ratio >= 1.01), "{worse:?}");
}

#[test]
fn a_config_of_upstream_s_needs_a_place() {
    let Some(shared) = shared() else { return };
    let place = Place::with(Path::new("nowhere.npy"));
    let mut command = place.kmeans("hier", &[]);
    command.arg(shared.join("digits/hier/config.yaml"));
    refused(&mut command, 3, &["nowhere.npy"]);
}
