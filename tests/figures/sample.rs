//! Sampled silhouettes: determined by the seed, consistent with the standard error, and exact for a sample of all points.

use serde_json::Value;

use crate::common::devices;
use crate::definition::{Definition, Level};
use crate::drawn::{compare, draw, judge_silhouette, shape};

/// The silhouette of both levels and its standard error.
fn silhouettes(record: &Value) -> Vec<(f64, f64)> {
    let figure = |level: &Value, name: &str| level["figures"][name].as_f64().unwrap_or_else(|| panic!("no {name}"));
    let levels = record["levels"].as_array().expect("levels");
    levels.iter().map(|level| (figure(level, "silhouette"), figure(level, "silhouette_standard_error"))).collect()
}

#[test]
fn a_sample_of_every_point_is_exact() {
    let clustering = draw(&shape(257, 6, [20, 3], 0.0));
    for device in devices() {
        for size in ["257", "100000"] {
            let record = judge_silhouette(&clustering, device, &format!("sample:{size}"), &[]);
            for number in 0..2 {
                let want = Definition::of(&Level::of(&clustering, number));
                let level = &record["levels"][number];
                compare(level, &want).unwrap_or_else(|wrong| panic!("{size} on {device}: {wrong}"));
                assert!(level["figures"]["silhouette_standard_error"].is_null(), "{size} on {device}");
            }
        }
    }
}

#[test]
fn a_sample_is_consistent_with_its_standard_error() {
    let clustering = draw(&shape(1500, 6, [20, 3], 0.0));
    let exact: Vec<f64> = (0..2)
        .map(|number| {
            let silhouettes = Level::of(&clustering, number).silhouettes(0.0);
            silhouettes.iter().sum::<f64>() / silhouettes.len() as f64
        })
        .collect();
    for device in devices() {
        let mut off = 0;
        for seed in ["0", "1", "2", "3", "4", "5"] {
            let record = judge_silhouette(&clustering, device, "sample:300", &["--seed", seed]);
            for ((mean, error), exact) in silhouettes(&record).into_iter().zip(&exact) {
                assert!(error > 0.0 && error < 0.05, "seed {seed} on {device}: standard error {error}");
                assert!((mean - exact).abs() <= 4.0 * error, "seed {seed} on {device}: {mean} +- {error}, {exact}");
                off += usize::from((mean - exact).abs() > 0.1 * error);
            }
        }
        // if the standard error were much too large, hardly any mean would be off by a tenth of it
        assert!(off >= 6, "{device}: only {off} of 12 means are more than a tenth of their standard error off");
    }
}

#[test]
fn the_seed_determines_the_sample() {
    let clustering = draw(&shape(700, 6, [20, 3], 0.0));
    for device in devices() {
        let run = |seed: &str| silhouettes(&judge_silhouette(&clustering, device, "sample:150", &["--seed", seed]));
        assert_eq!(run("7"), run("7"), "{device}");
        assert_ne!(run("7"), run("8"), "{device}");
    }
}
