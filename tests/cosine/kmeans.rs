//! Spherical k-means by the program.

use std::path::{Path, PathBuf};
use std::process::Command;

use ndarray::Array2;
use ndarray_npy::read_npy;
use serde_json::Value;

use crate::common::{Dtype, devices, npy, program, scratch};
use crate::data::{Kind, draw, unit};

fn kmeans(embeddings: &Path, out: &Path, more: &[&str]) -> Command {
    let mut command = program();
    command.arg("kmeans").arg("--embeddings-path").arg(embeddings).arg("--out").arg(out).args(more);
    command
}

fn made(embeddings: &Path, out: &Path, more: &[&str]) -> Value {
    let output = kmeans(embeddings, out, more).output().expect("starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(out.join("kmeans.json")).expect("a record");
    serde_json::from_str(&text).expect("JSON")
}

fn digits() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/digits/embeddings.npy")
}

fn matrix(path: &Path) -> Vec<Vec<f64>> {
    let matrix: Array2<f64> = match read_npy(path) {
        Ok(matrix) => matrix,
        Err(_) => read_npy::<_, Array2<f32>>(path).expect("a matrix").mapv(f64::from),
    };
    matrix.outer_iter().map(|row| row.to_vec()).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Largest difference of the norms of stored centroids from 1.
fn off_the_sphere(path: &Path) -> f64 {
    matrix(path).iter().map(|row| (dot(row, row).sqrt() - 1.0).abs()).fold(0.0, f64::max)
}

#[test]
fn centroids_of_every_level_and_step_have_norm_1() {
    let folder = scratch();
    let options =
        ["--n-clusters", "40,8", "--n-resampling-steps", "2,2", "--sample-size", "10,3", "--dtype", "float64"];
    for device in devices() {
        let out = folder.path().join(device);
        let record = made(&digits(), &out, &[&options[..], &["--spherical", "--device", device]].concat());
        let steps = ["level1/step0", "level1/step1", "level2/step0", "level2/step1"];
        for step in steps {
            assert!(off_the_sphere(&out.join(step).join("centroids.npy")) < 1e-15, "{step} on {device}");
        }
        assert_eq!((&record["settings"]["spherical"], &record["settings"]["normalize"]), (&true.into(), &true.into()));
        // what is left of each point is 2 less twice its cosine
        let (points, centroids) = (unit(&matrix(&digits())), matrix(&out.join("level1/centroids.npy")));
        let best = |x: &Vec<f64>| centroids.iter().map(|c| dot(x, c)).fold(-1.0, f64::max);
        let want = points.iter().map(|x| 2.0 - 2.0 * best(x)).sum::<f64>() / points.len() as f64;
        let got = record["steps"][1]["mean_squared_distance"].as_f64().expect("a number");
        assert!((got / want - 1.0).abs() < 1e-6, "{got} instead of {want} on {device}");
    }
    let plain = folder.path().join("plain");
    made(&digits(), &plain, &[&options[..], &["--normalize", "--device", "cpu"]].concat());
    assert!(off_the_sphere(&plain.join("level1/centroids.npy")) > 1e-3, "means are shorter");
}

#[test]
fn the_config_that_it_writes_says_so() {
    let folder = scratch();
    let (out, again) = (folder.path().join("made"), folder.path().join("again"));
    made(&digits(), &out, &["--n-clusters", "12", "--spherical", "--device", "cpu"]);
    let mut command = program();
    command.arg("kmeans").arg(out.join("config.yaml")).arg("--out").arg(&again);
    assert!(command.output().expect("starts").status.success());
    let bytes = |out: &Path| std::fs::read(out.join("level1/centroids.npy")).expect("centroids");
    assert_eq!(bytes(&out), bytes(&again));
    // without it, the same settings are another run
    let output =
        kmeans(&digits(), &out, &["--n-clusters", "12", "--normalize", "--device", "cpu", "--resume"]).output();
    assert_eq!(output.expect("starts").status.code(), Some(2));
}

#[test]
fn processes_find_what_one_process_finds() {
    let folder = scratch();
    let options = ["--n-clusters", "30,6", "--spherical", "--device", "cpu", "--threads", "1"];
    let alone = made(&digits(), &folder.path().join("alone"), &options);
    let out = folder.path().join("shared");
    let mut processes: Vec<_> = ["1/3", "2/3", "3/3"]
        .map(|shard| kmeans(&digits(), &out, &[&options[..], &["--shard", shard]].concat()).spawn().expect("starts"))
        .into();
    assert!(processes.iter_mut().all(|process| process.wait().expect("ends").success()));
    let text = std::fs::read_to_string(out.join("kmeans.json")).expect("a record");
    let together: Value = serde_json::from_str(&text).expect("JSON");
    for step in 0..2 {
        let [one, other] = [&alone, &together].map(|record| record["steps"][step]["mean_squared_distance"].as_f64());
        let (one, other) = (one.expect("a number"), other.expect("a number"));
        assert!((one / other - 1.0).abs() < 1e-9, "{one} and {other}");
        assert_eq!(alone["steps"][step]["moved"], together["steps"][step]["moved"]);
    }
    assert!(off_the_sphere(&out.join("level1/centroids.npy")) < 1e-7);
}

#[test]
fn fewer_directions_than_clusters() {
    let folder = scratch();
    for (kind, dtype, directions) in
        [(Kind::OneDirection, Dtype::F4, 1), (Kind::Repeats, Dtype::F4, 5), (Kind::Repeats, Dtype::F8, 5)]
    {
        let mut clustering = draw(kind, dtype, 16);
        // lengths that are no powers of two, so that equal directions are rounded differently
        (0..clustering.points.len()).filter(|row| row % 3 == 1).for_each(|row| {
            clustering.points[row].iter_mut().for_each(|value| *value = crate::common::stored(*value * 3.0, dtype));
        });
        let (_, embeddings) = clustering.write(folder.path());
        let out = folder.path().join(format!("{kind:?}{dtype:?}"));
        let record = made(&embeddings, &out, &["--n-clusters", "9", "--spherical", "--device", "cpu"]);
        let left = record["steps"][0]["mean_squared_distance"].as_f64().expect("a number");
        assert!(left < 1e-13, "{kind:?}: {left}");
        let few = made(
            &embeddings,
            &folder.path().join("few"),
            &["--n-clusters", "4", "--spherical", "--device", "cpu", "--force"],
        );
        let left = few["steps"][0]["mean_squared_distance"].as_f64().expect("a number");
        assert_eq!(left > 1e-6, directions > 4, "{kind:?}: {left}");
    }
}

#[test]
fn a_mean_without_direction_keeps_the_centroid() {
    let folder = scratch();
    let rows = vec![vec![0.6, 0.8, 0.0], vec![-0.6, -0.8, 0.0], vec![0.6, 0.8, 0.0], vec![-0.6, -0.8, 0.0]];
    let embeddings = folder.path().join("embeddings.npy");
    std::fs::write(&embeddings, npy(&rows, Dtype::F8)).expect("writes");
    let record = made(
        &embeddings,
        &folder.path().join("made"),
        &["--n-clusters", "1", "--spherical", "--dtype", "float64", "--init", "random", "--device", "cpu"],
    );
    let centroid = matrix(&folder.path().join("made/level1/centroids.npy")).remove(0);
    let cosine = dot(&centroid, &rows[0]);
    assert!((cosine.abs() - 1.0).abs() < 1e-15, "it is still the point that it was: {centroid:?}");
    // half of the points at squared distance 0, half at 4
    let left = record["steps"][0]["mean_squared_distance"].as_f64().expect("a number");
    assert!((left - 2.0).abs() < 1e-15, "{left}");
}
