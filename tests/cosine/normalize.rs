//! The length of a row changes nothing.

use std::ops::RangeInclusive;

use serde_json::Value;

use crate::common::{Clustering, Dtype, EVERY_FIGURE, devices, files_below, judged, program, scratch};
use crate::data::{Kind, draw, rescaled};

/// The levels of a record: every figure.
fn levels(clustering: &Clustering, device: &str, more: &[&str]) -> Value {
    let folder = scratch();
    let (hier, embeddings) = clustering.write(folder.path());
    let options = [&EVERY_FIGURE[..], &["--device", device, "--distances", "own", "--tile-rows", "64"], more].concat();
    judged(&hier, &embeddings, &folder.path().join("out"), &options)["levels"].clone()
}

/// Every file of the levels of a clustering by k-means.
fn made(clustering: &Clustering, device: &str, more: &[&str]) -> Vec<(String, Vec<u8>)> {
    let folder = scratch();
    let (_, embeddings) = clustering.write(folder.path());
    let out = folder.path().join("made");
    let mut command = program();
    command.arg("kmeans").arg("--embeddings-path").arg(embeddings).arg("--out").arg(&out);
    command.args(["--n-clusters", "9,3", "--n-resampling-steps", "2,1", "--sample-size", "9,1", "--device", device]);
    let output = command.args(more).output().expect("starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let files = files_below(&out).into_iter().filter(|name| name.starts_with("level"));
    files.map(|name| (name.clone(), std::fs::read(out.join(name)).expect("a file"))).collect()
}

/// Exponents that lose no bit: float16 has few below 1.
const RANGES: [(Dtype, RangeInclusive<i32>); 3] =
    [(Dtype::F2, 0..=6), (Dtype::F4, -100..=100), (Dtype::F8, -100..=100)];

#[test]
fn powers_of_two_change_no_bit_of_a_metric() {
    for device in devices() {
        for (dtype, exponents) in RANGES.into_iter().filter(|(dtype, _)| device == "cpu" || *dtype == Dtype::F4) {
            let clustering = draw(Kind::Groups, dtype, 16);
            let scaled = rescaled(&clustering, &exponents);
            let of = |clustering| levels(clustering, device, &["--normalize"]);
            let want = of(&clustering);
            assert_eq!(of(&scaled), want, "{dtype:?} on {device}");
            let mut turned = scaled.clone();
            turned.points[5][0] *= -1.0;
            assert_ne!(of(&turned), want, "another direction has other metrics");
        }
    }
}

#[test]
fn powers_of_two_change_no_bit_of_a_clustering() {
    for device in devices() {
        for (dtype, exponents) in RANGES.into_iter().filter(|(dtype, _)| device == "cpu" || *dtype == Dtype::F4) {
            let clustering = draw(Kind::Groups, dtype, 16);
            let scaled = rescaled(&clustering, &exponents);
            for how in ["--normalize", "--spherical"] {
                let want = made(&clustering, device, &[how]);
                assert!(want.len() > 8);
                assert!(made(&scaled, device, &[how]) == want, "{dtype:?}, {how} on {device}");
            }
            let raw = |clustering| made(clustering, device, &["--dtype", "float64"]);
            assert!(
                dtype == Dtype::F4 || raw(&scaled) != raw(&clustering),
                "{dtype:?}: lengths matter to rows as they are"
            );
        }
    }
}
