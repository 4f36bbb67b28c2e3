//! Each error alone: it is refused with level, cluster, index and file.

use clustrata::formats::hierarchy::HierarchyOptions;

use crate::fixtures::{Clustering, assert_says, centroids, npy};

#[test]
fn the_good_one_is_not_refused() {
    Clustering::good().open(6, HierarchyOptions::default()).unwrap();
}

#[test]
fn a_member_out_of_range() {
    let clustering = Clustering::good();
    clustering.level(1, &[&[4, 0], &[5], &[], &[3, 9, 2, 7, 1]]);
    let message = clustering.refusal();
    assert_says(
        &message,
        &["a member does not exist", "level 1, cluster 3, index 1", "level1", "below 6", "found:    9; 2 of"],
    );

    let clustering = Clustering::good();
    clustering.level(2, &[&[3, 0, 4], &[2, 1]]);
    assert_says(
        &clustering.refusal(),
        &["level 2, cluster 0, index 2", "below 4, the clusters of level 1", "found:    4; 1 of"],
    );
}

#[test]
fn a_point_or_a_cluster_twice() {
    let clustering = Clustering::good();
    clustering.level(1, &[&[4, 0], &[5, 4], &[], &[3, 1, 2]]);
    assert_says(
        &clustering.refusal(),
        &["a point is in two clusters", "level 1, cluster 1, index 4", "row 4 in 0 and 1"],
    );

    clustering.level(1, &[&[4, 0], &[5], &[], &[3, 1, 2, 1]]);
    assert_says(&clustering.refusal(), &["twice in one", "level 1, cluster 3, index 1", "row 1 in 3 and 3"]);

    let clustering = Clustering::good();
    clustering.level(2, &[&[3, 0, 1], &[2, 3]]);
    let message = clustering.refusal();
    assert_says(&message, &["a cluster of the level below", "level 2, cluster 1, index 3", "cluster 3 in 0 and 1"]);
}

#[test]
fn rows_in_no_cluster() {
    let clustering = Clustering::good();
    let message = clustering.open(9, HierarchyOptions::default()).unwrap_err();
    let wanted =
        ["rows of the embeddings are in no cluster", "level 1, index 6", "3 of 9: 6, 7, 8", "check --embeddings"];
    assert_says(&message, &wanted);
    assert_says(&message, &["--subset-indices FILE", "--allow-unassigned"]);
    clustering.write("config.yaml", b"subset_indices_path: /data/rows.npy\n");
    let message = clustering.open(9, HierarchyOptions::default()).unwrap_err();
    assert_says(&message, &["--subset-indices /data/rows.npy"]);

    let clustering = Clustering::good();
    clustering.level(2, &[&[3, 0], &[2]]);
    let wanted =
        ["clusters of the level below are in no cluster", "level 2, index 1", "1 of 4: 1", "cluster of level 1"];
    assert_says(&clustering.refusal(), &wanted);
    let allow = HierarchyOptions { allow_unassigned: true, ..HierarchyOptions::default() };
    assert_says(&clustering.open(6, allow).unwrap_err(), &["clusters of the level below are in no cluster"]);
}

#[test]
fn a_missing_level() {
    let clustering = Clustering::good();
    clustering.level(4, &[&[0, 1]]);
    assert_says(&clustering.refusal(), &["a level is missing", "level 3", "level3", "found:    level 4"]);

    let empty = tempfile::tempdir().unwrap();
    let open = |path: &std::path::Path, levels: &[u32]| {
        let options = HierarchyOptions { levels: levels.to_vec(), ..HierarchyOptions::default() };
        crate::fixtures::open(path, 6, 3, options).unwrap_err()
    };
    assert_says(&open(empty.path(), &[]), &["the folder has no levels", "exp_dir"]);
    assert_says(&open(&clustering.path().join("level1"), &[]), &["the folder has no levels", "the folder above it"]);
    assert_says(&open(&clustering.path().join("nowhere"), &[]), &["can't list the folder", "nowhere"]);
    assert_says(
        &open(clustering.path(), &[1, 7]),
        &["no such level", "level 7", "one of the levels 1, 2, 4", "--levels"],
    );
}

#[test]
fn missing_files_of_a_level() {
    let clustering = Clustering::good();
    clustering.remove("level2/centroids.npy");
    assert_says(&clustering.refusal(), &["files of a level are missing", "level 2", "only sorted_clusters.pkl"]);
    clustering.remove("level2/sorted_clusters.pkl");
    assert_says(&clustering.refusal(), &["files of a level are missing", "level 2", "found:    neither"]);
}

#[test]
fn another_number_of_dimensions_or_centroids() {
    let clustering = Clustering::good();
    clustering.write("level2/centroids.npy", &centroids(2, 768));
    let message = crate::fixtures::open(clustering.path(), 6, 1024, HierarchyOptions::default()).unwrap_err();
    assert_says(&message, &["expected: 1024 columns, as in the embeddings", "found:    768", "level 2", "found:    3"]);

    let clustering = Clustering::good();
    clustering.write("level1/centroids.npy", &centroids(5, 3));
    assert_says(&clustering.refusal(), &["numbers of centroids", "level 1", "expected: 4 rows", "found:    5"]);
}

#[test]
fn centroids_that_cannot_be_read() {
    for (bytes, wrong) in [
        (centroids(4, 3)[..170].to_vec(), "shorter than its header says"),
        ([centroids(4, 3), vec![0]].concat(), "longer than its header says"),
        (npy("<f4", false, "(1152921504606846976, 3)", &[0; 48]), "shorter than its header says"),
        (npy("<f4", false, "(1152921504606846976, 1152921504606846976)", &[0; 48]), "impossible"),
        (npy("|O", false, "(4,)", &[0; 48]), "not a matrix of floats"),
        (b"version https://git-lfs.github.com/spec/v1".to_vec(), "not a .npy file"),
        (Vec::new(), "an empty file"),
    ] {
        let clustering = Clustering::good();
        clustering.write("level1/centroids.npy", &bytes);
        assert_says(&clustering.refusal(), &[wrong, "level 1", "centroids.npy"]);
    }
}

#[test]
fn centroids_that_are_not_finite() {
    let write = |cluster: usize, value: f32| {
        let clustering = Clustering::good();
        let mut values = [1_f32; 12];
        values[3 * cluster + 2] = value;
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        clustering.write("level1/centroids.npy", &npy("<f4", false, "(4, 3)", &bytes));
        clustering
    };
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let wanted = ["centroids are not finite", "level 1, cluster 3", "in 1: 3"];
        assert_says(&write(3, value).refusal(), &wanted);
        write(2, value).open(6, HierarchyOptions::default()).expect("cluster 2 is empty: its centroid is in no figure");
    }
}

#[test]
fn a_bad_subset() {
    let clustering = Clustering::good();
    for (subset, wrong) in [
        (vec![0, 1, 2, 3, 4, 60], "not in the embeddings"),
        (vec![0, 1, 2, 3, 4, 4], "in the subset twice"),
        (vec![0, 1, 2, 3, 4], "below 5, the entries of the subset"),
        (vec![0, 1, 2, 3, 4, 5, 8], "rows of the subset are in no cluster"),
    ] {
        let options = HierarchyOptions { subset: Some(subset), ..HierarchyOptions::default() };
        assert_says(&clustering.open(9, options).unwrap_err(), &[wrong]);
    }
}

#[test]
fn all_errors_are_reported_together() {
    let clustering = Clustering::good();
    clustering.level(1, &[&[4, 0], &[5, 5], &[], &[3, 1, 9]]);
    clustering.level(2, &[&[3, 0, 1], &[7]]);
    clustering.write("level2/centroids.npy", &centroids(3, 2));
    let message = clustering.refusal();
    let wanted = ["a member does not exist", "twice in one", "rows of the embeddings are in no cluster"];
    assert_says(&message, &wanted);
    assert_says(&message, &["level 2", "below 4, the clusters of level 1", "clusters of the level below are in no"]);
    assert_says(&message, &["number of dimensions", "numbers of centroids"]);
    assert_eq!(message.matches("error:").count(), 7, "{message}");
}

#[cfg(unix)]
#[test]
fn a_file_without_permission_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let clustering = Clustering::good();
    let path = clustering.path().join("level1/centroids.npy");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::File::open(&path).is_ok() {
        eprintln!("skipped: this user can read files without permission");
        return;
    }
    assert_says(&clustering.refusal(), &["level 1", "centroids.npy", "permissions"]);
}
