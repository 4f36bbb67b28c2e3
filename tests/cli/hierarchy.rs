//! Clusterings that are broken, and pickles that are hostile.

use std::fs;

use crate::common::{Clustering, compare_level, npy, npy_header};
use crate::fixtures::{DIM, Place, ROWS, clustering};

/// [`clustering`] with one change.
fn changed(change: impl Fn(&mut Clustering)) -> Place {
    let mut made = clustering();
    change(&mut made);
    Place::of(&made)
}

/// The level-1 cluster and place within it of a row.
fn place_of(made: &Clustering, row: u64) -> (usize, usize) {
    let members = &made.levels[0].0;
    let found = members.iter().enumerate().find_map(|(c, rows)| Some((c, rows.iter().position(|&r| r == row)?)));
    found.expect("every row is somewhere")
}

#[test]
fn a_member_out_of_range_is_named() {
    let (cluster, index) = place_of(&clustering(), 17);
    let place = changed(|made| made.levels[0].0[cluster][index] = 60);
    let at = format!("where:    level 1, cluster {cluster}, index {index}, ");
    place.refused(&[], 3, &["a member does not exist", &at, "row numbers below 60", "found:    60; 1 of 60", "try:"]);
    let place = changed(|made| made.levels[1].0[2][0] = 4_000_000_000);
    place.refused(&[], 3, &["level 2, cluster 2, index 0", "cluster numbers below 10", "4000000000", "try:"]);
}

#[test]
fn a_point_in_two_clusters_is_named() {
    let (cluster, _) = place_of(&clustering(), 17);
    let other = (cluster + 1) % 10;
    let place = changed(|made| made.levels[0].0[other].push(17));
    place.refused(&[], 3, &["a point is in two clusters", "level 1", "row 17 in", "every row once", "try:"]);
    let place = changed(|made| made.levels[0].0[cluster].push(17));
    place.refused(&[], 3, &["twice in one", &format!("row 17 in {cluster} and {cluster}")]);
    let place = changed(|made| made.levels[1].0[0].push(1));
    place.refused(&[], 3, &["a cluster of the level below is in two clusters", "level 2", "cluster 1 in"]);
}

#[test]
fn a_point_in_no_cluster_is_refused_unless_allowed() {
    let mut made = clustering();
    let (cluster, index) = place_of(&made, 17);
    made.levels[0].0[cluster].remove(index);
    let place = Place::of(&made);
    place.refused(&[], 3, &["in no cluster", "level 1, index 17", "1 of 60: 17", "--allow-unassigned"]);
    let record = place.judged(&["--allow-unassigned"]);
    for (level, got) in record["levels"].as_array().expect("levels").iter().enumerate() {
        assert_eq!(got["figures"]["points"], 59);
        assert_eq!(compare_level(got, &made.figures(level), 1e-9), Ok(()));
    }
}

#[test]
fn a_cluster_of_the_level_below_in_no_cluster_is_refused_always() {
    let place = changed(|made| _ = made.levels[1].0[0].pop());
    place.refused(&[], 3, &["clusters of the level below are in no cluster", "level 2", "found:    1 of 10", "try:"]);
    place.refused(&["--allow-unassigned"], 3, &["clusters of the level below are in no cluster"]);
}

#[test]
fn a_missing_level_is_named() {
    let place = Place::new();
    fs::remove_dir_all(place.hier.join("level2")).expect("removes");
    place.refused(&[], 3, &["a level is missing", "level 2", "found:    level 3", "try:      copy"]);
    let record = place.judged(&["--levels", "1"]);
    assert_eq!(record["levels"].as_array().map(Vec::len), Some(1), "level 1 needs none of the others");
}

#[test]
fn missing_files_of_a_level_are_named() {
    for (name, other) in [("sorted_clusters.npy", "centroids.npy"), ("centroids.npy", "sorted_clusters.npy")] {
        let place = Place::new();
        fs::remove_file(place.hier.join("level2").join(name)).expect("removes");
        let found = format!("found:    only {other}");
        place.refused(&[], 3, &["files of a level are missing", "level 2", &found, "try:"]);
    }
}

#[test]
fn no_clustering_at_all_is_told() {
    let place = Place::new();
    fs::remove_dir_all(&place.hier).expect("removes");
    place.refused(&[], 3, &["can't list the folder", "hier", "check the path"]);
    fs::create_dir(&place.hier).expect("makes a folder");
    place.refused(&[], 3, &["the folder has no levels", "level1, level2", "try:"]);
    fs::remove_dir(&place.hier).expect("removes");
    // a file in place of the folder holds labels
    fs::write(&place.hier, "").expect("writes");
    place.refused(&[], 3, &["the file of labels is empty", "hier", "try:"]);
}

#[test]
fn a_wrong_number_of_centroids_is_told() {
    let place = changed(|made| _ = made.levels[2].1.pop());
    place.refused(&[], 3, &["different numbers of centroids", "level 3", "expected: 2 rows", "found:    1", "try:"]);
}

#[test]
fn a_centroid_that_is_not_finite_is_told_unless_its_cluster_is_empty() {
    let place = changed(|made| made.levels[0].1[4][2] = f64::NAN);
    place.refused(&[], 3, &["centroids are not finite", "level 1, cluster 4", "try:"]);
    let mut made = clustering();
    assert!(made.levels[0].0[3].is_empty());
    let whole = Place::of(&made).judged(&[]);
    made.levels[0].1[3] = vec![f64::INFINITY; DIM];
    assert_eq!(Place::of(&made).judged(&[])["levels"], whole["levels"]);
}

/// Puts a pickle where the members of level 1 are.
fn with_pickle(pickle: &[u8]) -> Place {
    let place = Place::new();
    let mut file = npy_header("|O", "(10,)", false);
    file.extend(pickle);
    fs::write(place.hier.join("level1/sorted_clusters.npy"), file).expect("writes");
    place
}

#[test]
fn a_pickle_that_would_run_a_command_is_refused_and_runs_nothing() {
    for pickle in [
        &b"cos\nsystem\n(V touch owned-by-pickle\ntR."[..],
        &b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x93\x8c\x15touch owned-by-pickle\x85R."[..],
        &b"\x80\x02cposix\nsystem\nX\x15\x00\x00\x00touch owned-by-pickle\x85R."[..],
        &b"\x80\x02cbuiltins\nexec\nX\x20\x00\x00\x00open('owned-by-pickle', 'w').close()\x85R."[..],
    ] {
        let place = with_pickle(pickle);
        let mut command = place.command(&[]);
        command.current_dir(place.folder.path());
        crate::fixtures::refused(
            &mut command,
            place.folder.path(),
            3,
            &["level 1", "sorted_clusters.npy", "nothing was executed"],
        );
        assert!(!place.at("owned-by-pickle").exists());
    }
}

#[test]
fn a_pickle_names_what_it_would_have_called() {
    with_pickle(b"cos\nsystem\n(V true\ntR.").refused(&[], 3, &["os", "system"]);
}

#[test]
fn a_length_of_a_quintillion_bytes_is_refused() {
    let mut pickle = b"\x80\x04]\x8e".to_vec();
    pickle.extend((1u64 << 60).to_le_bytes());
    pickle.extend(b"abc.");
    with_pickle(&pickle).refused(&[], 3, &["level 1", "sorted_clusters.npy"]);
}

#[test]
fn a_cut_off_pickle_is_refused() {
    let place = Place::new();
    let path = place.hier.join("level1/sorted_clusters.npy");
    let bytes = fs::read(&path).expect("reads");
    for keep in [0, 1, 9, 100, 200, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&path, &bytes[..keep]).expect("writes");
        place.refused(&[], 3, &["level 1", "sorted_clusters.npy"]);
    }
}

#[test]
fn findings_of_several_levels_are_told_together() {
    let place = changed(|made| {
        made.levels[0].0[0].push(999);
        made.levels[0].1.pop();
        made.levels[1].0[0].push(77);
        made.levels[2].1.iter_mut().for_each(|row| row.push(0.0));
    });
    let parts = ["999; 1 of 61", "expected: 10 rows", "found:    9", "77; 1 of", "expected: 5 columns", "found:    6"];
    let message = place.refused(&[], 3, &parts);
    assert_eq!(message.matches("error: ").count(), 4, "{message}");
}

#[test]
fn a_subset_that_does_not_fit_is_refused() {
    let place = Place::new();
    let subset = place.at("subset.npy");
    let of = |rows: Vec<u64>| fs::write(&subset, crate::common::npy_indices(&rows)).expect("writes");
    let rows = ROWS as u64;
    let run = |parts: &[&str]| place.refused(&["--subset-indices", crate::fixtures::arg(&subset)], 3, parts);
    of((1..=rows).collect());
    run(&["not in the embeddings", "subset.npy", "index 59", "60; 1 of 60", "try:"]);
    of((0..rows).map(|row| row.min(58)).collect());
    run(&["twice", "row 58 again", "index 59"]);
    of((0..rows - 1).collect());
    run(&["a member does not exist", "numbers below 59, the entries of the subset"]);
    fs::write(&subset, npy(&[vec![0.5]], crate::common::Dtype::F8)).expect("writes");
    run(&["subset.npy"]);
}
