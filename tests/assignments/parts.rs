//! Shards, interrupted runs and config files of a clustering from labels: the same bits as one run.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::common::records::{difference, without_silhouettes};
use crate::common::{devices, files_below, program, record, scratch};
use crate::fixtures::{data, digits, judged, metrics, succeeded};

/// Independent levels, so that several chains take part.
fn labels() -> [String; 2] {
    ["--assignments".to_owned(), data("assignments/independent.npy").to_str().expect("UTF-8").to_owned()]
}

fn arguments<'a>(labels: &'a [String; 2], more: &[&'a str]) -> Vec<&'a str> {
    let all = ["--metrics", "all", "--silhouette", "exact", "--tile-rows", "64", "--yes"];
    labels.iter().map(String::as_str).chain(all).chain(more.iter().copied()).collect()
}

fn centroids(out: &Path) -> Vec<Vec<u8>> {
    (1..=3).map(|level| std::fs::read(out.join(format!("level{level}/centroids.npy"))).expect("centroids")).collect()
}

#[test]
fn shards_that_start_together_give_the_metrics_of_one_run() {
    let (place, labels) = (scratch(), labels());
    for device in devices() {
        let whole = judged(&place.path().join(format!("whole-{device}")), &arguments(&labels, &["--device", device]));
        let out = place.path().join(format!("parts-{device}"));
        for _round in 0..2 {
            let start = |share: &str| {
                let arguments = arguments(&labels, &["--shard", share, "--device", device]);
                metrics(&digits(), &out, &arguments).stderr(Stdio::piped()).spawn().expect("starts")
            };
            for child in ["1/3", "2/3", "3/3"].map(start) {
                let output = child.wait_with_output().expect("ends");
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            }
        }
        succeeded(program().arg("merge").arg(&out).arg("--remove-parts"));
        let merged = record(&out);
        // parts begin other tiles, whose sums a GPU rounds to float32; the CPU adds up float64 in another order
        let tolerance = if device == "cpu" { 1e-12 } else { 1e-6 };
        let apart = difference(&without_silhouettes(&merged), &without_silhouettes(&whole));
        assert!(apart.is_some_and(|apart| apart < tolerance), "{device}: {apart:?}");
        // float32 distances between points are added up in another order
        for level in 0..3 {
            let of = |record: &Value| record["levels"][level]["figures"]["silhouette"].as_f64().expect("defined");
            assert!((of(&merged) - of(&whole)).abs() < 1e-7, "{device}, level {level}");
        }
        assert_eq!(merged["distances"], whole["distances"], "{device}: each distance once");
        assert_eq!(centroids(&out), centroids(&place.path().join(format!("whole-{device}"))), "{device}");
        assert!(!out.join("parts").exists(), "the means are removed with the parts");
    }
}

#[test]
fn one_part_computes_the_means_and_the_others_read_them() {
    let (place, labels) = (scratch(), labels());
    let out = place.path().join("out");
    succeeded(&mut metrics(&digits(), &out, &arguments(&labels, &["--shard", "1/2"])));
    let stored = out.join("parts/centroids.part");
    let before = std::fs::metadata(&stored).expect("stored").modified().expect("a time");
    succeeded(&mut metrics(&digits(), &out, &arguments(&labels, &["--shard", "2/2"])));
    assert_eq!(std::fs::metadata(&stored).expect("stored").modified().expect("a time"), before);
    // a damaged file is computed again
    std::fs::write(&stored, b"damaged").expect("writes");
    for share in ["1/2", "2/2"] {
        succeeded(&mut metrics(&digits(), &out, &arguments(&labels, &["--shard", share])));
    }
    assert!(std::fs::metadata(&stored).expect("stored").len() > 100);
    succeeded(program().arg("merge").arg(&out));
    let whole = judged(&place.path().join("whole"), &arguments(&labels, &[]));
    assert_eq!(centroids(&out), centroids(&place.path().join("whole")));
    assert_eq!(record(&out)["levels"].as_array().map(Vec::len), whole["levels"].as_array().map(Vec::len));
}

#[test]
fn killed_runs_go_on_to_the_same_bits() {
    let (place, labels) = (scratch(), labels());
    let often = ["--checkpoint", "1ms", "--threads", "1"];
    let started = std::time::Instant::now();
    let want = judged(&place.path().join("whole"), &arguments(&labels, &often));
    let took = started.elapsed();
    let (mut killed, mut left) = (0, 0);
    for part in 1..=12_u32 {
        let out = place.path().join(format!("killed{part}"));
        let arguments = arguments(&labels, &[&often[..], &["--resume"]].concat());
        let mut child = metrics(&digits(), &out, &arguments).stderr(Stdio::null()).spawn().expect("starts");
        std::thread::sleep(took.mul_f64(f64::from(part) / 13.0).max(Duration::from_millis(1)));
        child.kill().expect("kills");
        killed += usize::from(!child.wait().expect("ends").success());
        left += usize::from(files_below(&out).iter().any(|file| file.starts_with("parts/")));
        succeeded(&mut metrics(&digits(), &out, &arguments));
        let got = record(&out);
        assert_eq!(got["levels"], want["levels"], "killed after {part} of 13");
        assert_eq!(got["distances"], want["distances"], "killed after {part} of 13: each distance once");
        assert_eq!(centroids(&out), centroids(&place.path().join("whole")));
        assert!(!out.join("parts").exists());
    }
    assert!(killed >= 4 && left >= 2, "{killed} killed, {left} with results: too few to tell");
}

#[test]
fn threads_and_the_settings_that_a_run_wrote_give_the_same_bits() {
    let (place, labels) = (scratch(), labels());
    let one = judged(&place.path().join("one"), &arguments(&labels, &["--threads", "1"]));
    let many = judged(&place.path().join("many"), &arguments(&labels, &["--threads", "3"]));
    assert_eq!(one["levels"], many["levels"]);
    assert_eq!(centroids(&place.path().join("one")), centroids(&place.path().join("many")));
    let config = place.path().join("one/config.yaml");
    let again = place.path().join("again");
    let mut command = program();
    command.arg("metrics").arg("--config").arg(&config).arg("--out").arg(&again);
    succeeded(&mut command);
    assert_eq!(record(&again)["levels"], one["levels"]);
    // and --force replaces a run that kept centroids
    succeeded(command.arg("--force"));
    assert!(again.join("level1/centroids.npy").is_file());
}

#[test]
fn another_clustering_is_not_merged_with_the_first() {
    let (place, labels) = (scratch(), labels());
    let out = place.path().join("out");
    succeeded(&mut metrics(&digits(), &out, &arguments(&labels, &["--shard", "1/2"])));
    let other = ["--assignments".to_owned(), data("assignments/nested.npy").to_str().expect("UTF-8").to_owned()];
    let output = metrics(&digits(), &out, &arguments(&other, &["--shard", "2/2"])).output().expect("starts");
    // its own first round is right; the second needs those of one clustering
    assert!(!output.status.success(), "{}", Value::from(String::from_utf8_lossy(&output.stderr)));
}
