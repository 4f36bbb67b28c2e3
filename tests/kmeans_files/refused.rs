//! `sample` and the config of `kmeans` refuse invalid input and leave nothing behind.

use std::fs;
use std::path::Path;

use super::common::{Clustering, Dtype, files_below, npy_indices, program, scratch, sorted_clusters};
use super::sampled::{digits, sample};

/// Exit status and message. Nothing may be left behind.
fn refused(clustering: &Path, more: &[&str]) -> (Option<i32>, String) {
    let out = scratch();
    let output = sample(clustering, &out.path().join("curated"), more);
    assert_eq!(files_below(out.path()), Vec::<String>::new(), "{more:?}");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn wrong_options_of_sample_are_refused() {
    for (more, wrong) in [
        (&["--target-size", "0"][..], "0"),
        (&[], "--target-size"),
        (&["--target-size", "1798"], "at most 1797"),
        (&["--target-size", "3595", "-m", "2"], "at most 3594"),
        (&["--target-size", "9", "-m", "0"], "0"),
        (&["--target-size", "18446744073709551615", "-m", "18446744073709551615"], "memory"),
        (&["--target-size", "9", "--level", "4"], "from 1 to 3"),
        (&["--target-size", "9", "--level", "0"], "from 1 to 3"),
        (&["--target-size", "9", "--sampling-strategy", "x"], "x"),
        (&["--target-size", "9", "--name-suffix", "../x"], "--out"),
    ] {
        let (code, message) = refused(&digits(), more);
        assert_eq!(code, Some(2), "{more:?}: {message}");
        assert!(message.contains(wrong), "{more:?}: {message}");
    }
}

#[test]
fn an_earlier_selection_is_kept_without_force() {
    let out = scratch();
    let path = out.path().join("3r_mul1_9_balanced_selection.npy");
    fs::write(&path, "mine").expect("writes");
    let output = sample(&digits(), out.path(), &["--target-size", "9"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--force"));
    assert_eq!(fs::read(&path).expect("reads"), b"mine");
    assert!(sample(&digits(), out.path(), &["--target-size", "9", "--force"]).status.success());
    assert_eq!(files_below(out.path()), ["3r_mul1_9_balanced_selection.npy"]);
}

#[test]
fn row_numbers_that_do_not_belong_to_the_clustering_are_refused() {
    let base = scratch();
    let file = |name: &str, rows: &[u64]| {
        let path = base.path().join(name);
        fs::write(&path, npy_indices(rows)).expect("writes");
        path.display().to_string()
    };
    let beyond = file("beyond.npy", &[3, 1797]);
    let short = file("short.npy", &[3, 4, 5]);
    let twice = file("twice.npy", &[5; 1797]);
    let none = file("none.npy", &[]);
    for (option, path, wrong) in [
        ("--valid-indices", &beyond, "index 1"),
        ("--valid-indices", &none, "none of the rows"),
        ("--valid-indices", &twice, "row 5 again"),
        ("--subset-indices", &short, "below 3"),
        ("--subset-indices", &twice, "row 5 again"),
        ("--subset-indices", &"nowhere.npy".to_owned(), "nowhere.npy"),
    ] {
        let (code, message) = refused(&digits(), &["--target-size", "9", option, path]);
        assert_eq!(code, Some(3), "{option} {path}: {message}");
        assert!(message.contains(wrong), "{option} {path}: {message}");
    }
}

/// Two levels of one-dimensional points.
fn write(folder: &Path, level1: &[&[u64]], level2: &[&[u64]]) {
    let level = |members: &[&[u64]]| {
        (members.iter().map(|members| members.to_vec()).collect::<Vec<_>>(), vec![vec![0.0]; members.len()])
    };
    let levels = vec![level(level1), level(level2)];
    Clustering { points: vec![vec![0.0]; 9], dtype: Dtype::F4, levels, subset: None }.write(folder);
}

#[test]
fn broken_hierarchies_are_refused() {
    for (level1, level2, wrong) in [
        (&[&[0, 1][..], &[2, 1]][..], &[&[0, 1][..]][..], "row 1 again"),
        (&[&[0], &[2]], &[&[0, 2]], "does not exist"),
        (&[&[0], &[2]], &[&[0, 1], &[1]], "in two clusters"),
        (&[&[0], &[2]], &[&[0]], "in no cluster"),
    ] {
        let base = scratch();
        write(base.path(), level1, level2);
        let (code, message) = refused(&base.path().join("hier"), &["--target-size", "1"]);
        assert_eq!(code, Some(3), "{message}");
        assert!(message.contains(wrong), "{wrong}: {message}");
    }
    let base = scratch();
    write(base.path(), &[&[0], &[9]], &[&[0, 1]]);
    let hier = base.path().join("hier");
    let embeddings = base.path().join("embeddings.npy");
    fs::write(hier.join("config.yaml"), format!("embeddings_path: '{}'\n", embeddings.display())).expect("writes");
    let (code, message) = refused(&hier, &["--target-size", "1"]);
    assert_eq!(code, Some(3), "{message}");
    assert!(message.contains("below 9"), "{message}");
    fs::remove_file(embeddings).expect("removes");
    let out = scratch();
    assert!(
        sample(&hier, out.path(), &["--target-size", "1"]).status.success(),
        "nobody knows how many rows there are"
    );
    let base = scratch();
    write(base.path(), &[&[0], &[2]], &[&[0, 1]]);
    let hier = base.path().join("hier");
    let level1 = hier.join("level1/sorted_clusters.npy");
    let whole = sorted_clusters(&[vec![0], vec![2]]);
    fs::write(&level1, &whole[..whole.len() - 9]).expect("writes");
    let (code, message) = refused(&hier, &["--target-size", "1"]);
    assert_eq!(code, Some(3), "{message}");
    let (code, message) = refused(&base.path().join("nowhere"), &["--target-size", "1"]);
    assert_eq!(code, Some(3), "{message}");
}

#[test]
fn a_wrong_config_of_kmeans_is_refused() {
    let base = scratch();
    let config = base.path().join("config.yaml");
    for (yaml, wrong) in [
        ("n_clusters: [5, 2]\n", "embeddings_path"),
        ("embeddings_path: e.npy\nn_clusters: [2, 5]\n", "more clusters than points"),
        ("embeddings_path: e.npy\nn_cluster: [2, 5]\n", "n-clusters"),
        ("embeddings_path: e.npy\nn_clusters: [99999999999999999999]\n", "n-clusters"),
        ("embeddings_path: e.npy\nn_clusters: [1.5]\n", "n-clusters"),
        ("embeddings_path: e.npy\nn_clusters: 5\nn_levels: 4294967295\n", "too few entries"),
        ("embeddings_path: e.npy\nn_clusters: {a: 1}\n", "n-clusters"),
        ("embeddings_path: e.npy\nn_clusters: 5\ntolerance: .nan\n", "tolerance"),
        ("embeddings_path: e.npy\nn_clusters: 5\ntolerance: -1\n", "tolerance"),
        ("n_clusters: [5\n", "valid"),
        ("&a [*a]\n", "valid"),
    ] {
        fs::write(&config, yaml).expect("writes");
        let output = program().current_dir(base.path()).arg("kmeans").arg(&config).output().expect("starts");
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{yaml}: {message}");
        assert!(message.contains(wrong), "{yaml}: {message}");
        assert_eq!(files_below(base.path()), ["config.yaml"]);
    }
}
