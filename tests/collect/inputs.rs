//! Runs are grouped by what they read and by how their clustering was made, not by the text of a path.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::common::{self, program};
use super::{DIGITS, collected, csv};

/// Clusters the digits with k-means into `base/hier`.
fn cluster(base: &Path, clusters: &str, seed: u32) {
    let more = ["--n-clusters", clusters, "--seed", &seed.to_string(), "--device", "cpu", "--n-iters", "5"];
    let mut command = program();
    command.args(["kmeans", "--embeddings-path"]).arg(Path::new(DIGITS).join("embeddings.npy"));
    let output = command.arg("--out").arg(base.join("hier")).args(more).output().expect("starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Judges `hier` from inside `base`, by this path.
fn judge(base: &Path, hier: &str, out: &str) {
    let mut command = program();
    command.current_dir(base).args(["metrics", hier, "--embeddings"]).arg(Path::new(DIGITS).join("embeddings.npy"));
    let output = command.args(["--metrics", "fast", "--device", "cpu", "--out", out]).output().expect("starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_same_text_for_two_clusterings_makes_two_groups_and_two_paths_of_one_make_one() {
    let folder = common::scratch();
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    fs::create_dir(&a).and_then(|()| fs::create_dir(&b)).expect("makes folders");
    cluster(&a, "20,5", 0);
    cluster(&b, "30,5", 0);
    judge(&a, "hier", "one");
    judge(&a, "../a/hier", "two");
    judge(&b, "hier", "three");
    // a copy elsewhere is the same input, too
    let copied = folder.path().join("copy");
    for level in ["level1", "level2"] {
        fs::create_dir_all(copied.join(level)).expect("makes a folder");
        for file in ["sorted_clusters.npy", "centroids.npy"] {
            fs::copy(a.join("hier").join(level).join(file), copied.join(level).join(file)).expect("copies");
        }
    }
    judge(folder.path(), "copy", "four");
    let out = folder.path().join("collected");
    collected(&[folder.path()], &out, &["--group-by", "clustering"]);
    let level1: Vec<_> = csv(&out.join("groups.csv")).into_iter().filter(|row| row["level"] == "1").collect();
    let found: BTreeSet<(String, String, String)> = level1
        .iter()
        .map(|row| (row["runs"].clone(), row["clusters_mean"].clone(), row["clusters_std"].clone()))
        .collect();
    let expected = [("1", "30.0", ""), ("3", "20.0", "0.0")].map(|(n, mean, std)| (n.into(), mean.into(), std.into()));
    assert_eq!(found, BTreeSet::from(expected));
    let names: BTreeSet<&str> = level1.iter().map(|row| row["config.clustering"].as_str()).collect();
    assert!(names.len() == 2 && names.iter().all(|name| Path::new(name).is_absolute()), "{names:?}");
}

#[test]
fn settings_of_k_means_are_columns_and_groups() {
    let folder = common::scratch();
    for (clusters, name) in [("20,5", "k20"), ("30,5", "k30")] {
        for seed in 0..3 {
            let base = folder.path().join(format!("{name}-{seed}"));
            fs::create_dir(&base).expect("makes a folder");
            cluster(&base, clusters, seed);
            judge(&base, "hier", "judged");
        }
    }
    let out = folder.path().join("collected");
    collected(&[folder.path()], &out, &["--group-by", "kmeans.n_clusters"]);
    let (rows, groups) = (csv(&out.join("runs.csv")), csv(&out.join("groups.csv")));
    assert_eq!((rows.len(), groups.len()), (12, 4));
    assert!(!rows[0].contains_key("kmeans.exp-dir"), "the folder differs always");
    let mut spread = 0;
    for group in &groups {
        let same = |row: &&std::collections::BTreeMap<String, String>| {
            row["kmeans.n-clusters"] == group["kmeans.n-clusters"] && row["level"] == group["level"]
        };
        let values: Vec<f64> = rows.iter().filter(same).map(|row| row["inertia"].parse().expect("a number")).collect();
        let seeds: BTreeSet<&str> = rows.iter().filter(same).map(|row| row["kmeans.seed"].as_str()).collect();
        assert_eq!((values.len(), seeds.len(), group["runs"].as_str()), (3, 3, "3"));
        let mean = values.iter().sum::<f64>() / 3.0;
        let deviation = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 2.0).sqrt();
        let cell = |what: &str| group[&format!("inertia_{what}")].parse::<f64>().expect("a number");
        assert!((cell("mean") - mean).abs() <= 1e-12 * mean, "{group:?}");
        assert!((cell("std") - deviation).abs() <= 1e-9 * mean, "{group:?}");
        spread += usize::from(deviation > 1e-6 * mean);
    }
    assert_eq!(spread, 4, "the seeds make a difference");
    assert!(out.join("plots/inertia.svg").is_file());
}
