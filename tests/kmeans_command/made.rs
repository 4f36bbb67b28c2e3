//! The resulting folder: its files and numbers, the same bits for the same seed, nearly equal results on all devices.

use std::fs;

use crate::common::{devices, files_below, upstream};
use crate::fixtures::{Place, array, contents, inertia, made_as};

const THREE: [&str; 8] =
    ["--n-clusters", "60,15,4", "--n-resampling-steps", "2,2,1", "--sample-size", "8,3,1", "--n-iters", "8"];

#[test]
fn a_folder_as_upstream_writes_it() {
    let place = Place::digits();
    let made = place.made("hier", &[&THREE[..], &["--dtype", "float64", "--seed", "3"]].concat());
    assert_eq!(made["complete"], true);
    let steps: Vec<(u64, u64, u64)> = made["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .map(|step| {
            let number = |key: &str| step[key].as_u64().expect("a number");
            (number("level"), number("step"), number("points"))
        })
        .collect();
    assert_eq!(steps, [(1, 0, 1797), (1, 1, 1797), (2, 0, 60), (2, 1, 60), (3, 0, 15)]);
    let files = files_below(&place.at("hier"));
    for file in [
        "config.yaml",
        "kmeans.json",
        "log.txt",
        "level1/centroids.npy",
        "level3/sorted_clusters.npy",
        "level1/step1/sampled_indices.npy",
        "level2/step0/cluster_assignment.npy",
        "level2/step1/clusters.npy",
    ] {
        assert!(files.iter().any(|name| name == file), "{file} is not in {files:?}");
    }
    assert!(!files.iter().any(|name| name.contains("checkpoint") || name.contains(".tmp")), "{files:?}");
    if let Some(read) = upstream::read(&place.at("hier")) {
        let levels = read.expect("upstream's scripts read it");
        let sizes: Vec<_> = levels.as_array().expect("levels").iter().map(|level| level["k"].clone()).collect();
        assert_eq!(sizes, [60, 15, 4]);
        assert_eq!(levels[0]["centroids"], "<f8");
        let flat = levels[2]["flat"].as_array().expect("clusters").iter();
        assert_eq!(flat.map(|members| members.as_array().map_or(0, Vec::len)).sum::<usize>(), 1797);
    }
    // a moved folder stays valid and can be evaluated
    fs::rename(place.at("hier"), place.at("moved")).expect("moves");
    let record = place.judged("moved", &[]);
    // level 1's inertia agrees with the last step
    let last = made["steps"][1]["mean_squared_distance"].as_f64().expect("a number") * 1797.0;
    assert!((inertia(&record, 0) - last).abs() <= 1e-9 * last, "{} and {last}", inertia(&record, 0));
    assert_eq!(record["levels"][0]["figures"]["misassigned"], serde_json::Value::Null);
    assert_eq!(record["kmeans"]["steps"].as_array().map(Vec::len), Some(5), "the record tells how it was built");
    let plot = fs::read_to_string(place.at("moved/metrics/plots/kmeans.svg")).expect("a plot");
    assert!(plot.contains("level 3"));
}

#[test]
fn every_point_is_in_its_nearest_cluster() {
    let place = Place::digits();
    place.made("hier", &THREE);
    let record = place.judged("hier", &["--metrics", "misassigned"]);
    assert_eq!(record["levels"][0]["figures"]["misassigned"], 0);
    // objectives never rise, and refer to the points of their step
    for step in made_as(&place.at("hier"))["steps"].as_array().expect("steps") {
        let objectives: Vec<f64> =
            step["objectives"].as_array().expect("numbers").iter().filter_map(|v| v.as_f64()).collect();
        assert!(
            objectives.len() <= 8 && objectives.windows(2).all(|pair| pair[1] <= pair[0] * (1.0 + 1e-12)),
            "{objectives:?}"
        );
    }
}

#[test]
fn the_same_seed_gives_the_same_bits_and_another_others() {
    let place = Place::digits();
    for (out, seed, threads) in [("a", "1", "1"), ("b", "1", "2"), ("c", "2", "2")] {
        place.made(out, &[&THREE[..], &["--seed", seed, "--threads", threads, "--device", "cpu"]].concat());
    }
    assert!(contents(&place.at("a")) == contents(&place.at("b")));
    assert!(contents(&place.at("a")) != contents(&place.at("c")));
}

#[test]
fn devices_reach_the_same_objective() {
    let place = Place::digits();
    let found: Vec<f64> = devices()
        .into_iter()
        .map(|device| {
            place.made(device, &["--n-clusters", "100", "--n-iters", "15", "--device", device]);
            inertia(&place.judged(device, &[]), 0)
        })
        .collect();
    assert!(found.iter().all(|inertia| (inertia - found[0]).abs() < 1e-3 * found[0]), "{found:?}");
}

#[test]
fn clusters_are_split() {
    let place = Place::digits();
    let split = ["--n-clusters", "12,5", "--n-splits", "4,1", "--n-iters", "6", "--dtype", "float64"];
    place.made("hier", &split);
    let record = place.judged("hier", &[]);
    let clusters = record["levels"][0]["figures"]["clusters"].as_u64().expect("a number");
    assert!((40..=48).contains(&clusters), "{clusters}");
    assert_eq!(record["levels"][0]["figures"]["empty_clusters"], 0);
    let files = files_below(&place.at("hier/level1"));
    assert!(files.iter().any(|name| name == "pre_clusters/step0/centroids.npy"), "{files:?}");
    assert_eq!(array(&place.at("hier/level1/centroids.npy")).len() as u64, clusters * 64);
    // splitting lowers the inertia
    let whole = made_as(&place.at("hier"))["steps"][0]["mean_squared_distance"].as_f64().expect("a number") * 1797.0;
    assert!(inertia(&record, 0) < 0.8 * whole, "{} and {whole}", inertia(&record, 0));
    // several processes give the same result
    let before = contents(&place.at("hier"));
    place.made("again", &split);
    assert!(before == contents(&place.at("again")));
}

#[test]
fn a_subset_is_clustered_alone() {
    let place = Place::digits();
    let rows: Vec<i64> = (0..1797).step_by(3).collect();
    let subset = place.at("subset.npy");
    ndarray_npy::write_npy(&subset, &ndarray::Array1::from(rows)).expect("writes");
    let path = subset.to_str().expect("text");
    place.made("hier", &["--n-clusters", "20,4", "--subset-indices-path", path]);
    assert_eq!(array(&place.at("hier/level1/step0/cluster_assignment.npy")).len(), 599);
    let record = place.judged("hier", &[]);
    assert_eq!(record["levels"][0]["figures"]["points"], 599);
}

#[test]
fn one_cluster_of_one_point_is_a_clustering() {
    let folder = crate::common::scratch();
    let embeddings = folder.path().join("one.npy");
    ndarray_npy::write_npy(&embeddings, &ndarray::arr2(&[[0.5f32, -1.0]])).expect("writes");
    let place = Place::with(&embeddings);
    place.made("hier", &["--n-clusters", "1"]);
    assert_eq!(inertia(&place.judged("hier", &[]), 0), 0.0);
}

/// The address space of the process is limited to less than the points take.
#[cfg(target_os = "linux")]
#[test]
fn more_points_than_memory_are_clustered() {
    use std::io::Write as _;
    const ROWS: usize = 550_000;
    const DIM: usize = 128;
    const LIMIT_KB: usize = 260_000;
    let place = Place::with(&crate::fixtures::digits());
    let path = place.at("many.npy");
    let file = fs::File::create(&path).expect("a file");
    let mut file = std::io::BufWriter::new(file);
    file.write_all(&crate::common::npy_header("<f4", &format!("({ROWS}, {DIM})"), false)).expect("writes");
    for row in 0..ROWS {
        // 64 groups, with a small offset per row
        let (group, own) = (row % 64, (row as f32 * 0.618).fract());
        let value = |column: usize| ((group * 37 + column * 11) % 101) as f32 + own * (column % 3) as f32;
        let bytes: Vec<u8> = (0..DIM).flat_map(|column| value(column).to_le_bytes()).collect();
        file.write_all(&bytes).expect("writes");
    }
    file.flush().expect("writes");
    assert!(fs::metadata(&path).expect("a file").len() as usize > LIMIT_KB * 1024);
    let out = place.at("hier");
    let arguments =
        ["kmeans", "--quiet", "--n-clusters", "64,8", "--n-iters", "2", "--device", "cpu", "--threads", "2"];
    let mut command = std::process::Command::new("bash");
    command.args(["-c", &format!("ulimit -v {LIMIT_KB} && exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_clustrata")]);
    // glibc reserves 64 MB of address space for each thread otherwise
    command.env("MALLOC_ARENA_MAX", "1");
    command.args(arguments).arg("--embeddings-path").arg(&path).arg("--out").arg(&out);
    crate::fixtures::succeeded(&command.output().expect("starts"));
    assert_eq!(made_as(&out)["steps"][0]["points"], ROWS);
}
