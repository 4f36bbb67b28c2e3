//! Compares the objective with upstream's, level by level, on the same points.

use std::fs;
use std::path::{Path, PathBuf};

use ndarray::{Array1, Array2};
use ndarray_npy::{read_npy, write_npy};

use crate::common::shared;
use crate::fixtures::{Place, refused};

/// The last step of a level, as upstream wrote it.
fn last_step(hierarchy: &Path, level: u32) -> PathBuf {
    let level = hierarchy.join(format!("level{level}"));
    let steps = (0..).map(|step| level.join(format!("step{step}"))).take_while(|folder| folder.is_dir());
    steps.last().expect("a step")
}

fn matrix(path: &Path) -> Array2<f64> {
    read_npy::<_, Array2<f64>>(path)
        .or_else(|_| read_npy::<_, Array2<f32>>(path).map(|matrix| matrix.mapv(f64::from)))
        .expect("a matrix of f4 or f8")
}

/// Mean squared distance of all points to the centroids that they were assigned to.
fn objective_of(points: &Array2<f64>, step: &Path) -> f64 {
    let centroids = matrix(&step.join("centroids.npy"));
    let labels: Array1<i64> = read_npy(step.join("cluster_assignment.npy")).expect("labels");
    let squared = points.outer_iter().zip(&labels).map(|(point, &label)| {
        let differences = &point - &centroids.row(usize::try_from(label).expect("a label"));
        differences.mapv(|difference| difference * difference).sum()
    });
    squared.sum::<f64>() / points.nrows() as f64
}

/// A list in upstream's config: `n_clusters: [200, 40]`, or one entry per line.
fn entry(config: &str, key: &str, level: u32) -> String {
    let lines = config.lines().skip_while(|line| !line.starts_with(&format!("{key}:"))).skip(1);
    let entries = lines.take_while(|line| line.starts_with('-')).map(|line| line.trim_start_matches("- ").to_owned());
    entries.collect::<Vec<_>>().swap_remove(level as usize - 1)
}

/// Objective of each level, as a mean over five seeds, relative to upstream's.
fn beside_upstream(data: &Path, place: &Place, more: &[&str], iterations: Option<&str>) -> Vec<f64> {
    let hierarchy = data.join("hier");
    let config = fs::read_to_string(hierarchy.join("config.yaml")).expect("a config");
    let levels = (1..).take_while(|level| hierarchy.join(format!("level{level}")).is_dir());
    let upstream_s = config.lines().find_map(|line| line.strip_prefix("n_iters: ")).expect("a number");
    let iterations = iterations.unwrap_or(upstream_s);
    let ratio = |level: u32| {
        let points = match level {
            1 => matrix(&place.embeddings),
            _ => matrix(&last_step(&hierarchy, level - 1).join("centroids.npy")),
        };
        let embeddings = place.at("points.npy");
        write_npy(&embeddings, &points).expect("writes");
        let below = Place::with(&embeddings);
        let [clusters, steps, size] =
            ["n_clusters", "n_resampling_steps", "sample_size"].map(|key| entry(&config, key, level));
        let settings = [
            "--n-clusters",
            &clusters,
            "--n-resampling-steps",
            &steps,
            "--sample-size",
            &size,
            "--dtype",
            "float64",
            "--device",
            "cpu",
        ];
        let objective = |seed: u32| {
            let seed = seed.to_string();
            let all = [&settings[..], &["--n-iters", iterations, "--seed", &seed], more].concat();
            let made = below.made(&format!("level{level}-{seed}"), &all);
            let steps = made["steps"].as_array().expect("steps");
            steps.last().expect("a step")["mean_squared_distance"].as_f64().expect("a number")
        };
        let mean = (0..5).map(objective).sum::<f64>() / 5.0;
        mean / objective_of(&points, &last_step(&hierarchy, level))
    };
    levels.map(ratio).collect()
}

#[test]
fn upstream_s_objective_is_reached_on_every_level() {
    let Some(shared) = shared() else { return };
    for name in ["digits", "photos", "rings"] {
        let scratch = crate::common::scratch();
        let embeddings = scratch.path().join("embeddings.npy");
        // float16, or in Fortran order
        let points = half_or_single(&shared.join(name).join("embeddings.npy"));
        write_npy(&embeddings, &points).expect("writes");
        let place = Place::with(&embeddings);
        let ratios = beside_upstream(&shared.join(name), &place, &[], None);
        println!("{name}: {ratios:.4?} of upstream's objective, level by level");
        assert!(ratios.iter().all(|ratio| *ratio < 1.01), "{name}: {ratios:?}");
        if name == "photos" {
            // control: random starts without convergence are worse, so the comparison can fail
            let worse = beside_upstream(&shared.join(name), &place, &["--init", "random"], Some("1"));
            assert!(worse.iter().any(|ratio| *ratio >= 1.01), "{worse:?}");
        }
    }
}

/// Embeddings as float64 in C order.
fn half_or_single(path: &Path) -> Array2<f64> {
    let Ok(single) = read_npy::<_, Array2<f32>>(path) else {
        let bytes = fs::read(path).expect("a file");
        let header = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        let text = String::from_utf8_lossy(&bytes[10..header]).into_owned();
        let shape: Vec<usize> = text
            .split_once("'shape': (")
            .and_then(|(_, rest)| rest.split_once(')'))
            .map(|(shape, _)| shape.split(',').filter_map(|length| length.trim().parse().ok()).collect())
            .expect("a shape");
        let values = bytes[header..].as_chunks::<2>().0.iter().map(|&two| half::f16::from_le_bytes(two).to_f64());
        return Array2::from_shape_vec((shape[0], shape[1]), values.collect()).expect("a matrix");
    };
    single.mapv(f64::from).as_standard_layout().into_owned()
}

#[test]
fn what_upstream_s_config_names_must_be_there() {
    let Some(shared) = shared() else { return };
    let place = Place::with(Path::new("nowhere.npy"));
    let mut command = place.kmeans("hier", &[]);
    command.arg(shared.join("digits/hier/config.yaml"));
    refused(&mut command, 3, &["nowhere.npy"]);
}
