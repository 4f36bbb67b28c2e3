//! Opened hierarchies: labels, points, subsets, links, warnings.

use clustrata::base::matrix::UNLABELLED;
use clustrata::formats::hierarchy::{Hierarchy, HierarchyOptions};

use crate::fixtures::{Clustering, assert_says, centroids, clusters};

fn labels(hierarchy: &Hierarchy, first: u64, rows: usize) -> Vec<Vec<u32>> {
    let mut tile = vec![vec![7; 99]; hierarchy.levels.len()];
    hierarchy.label_tile(first, rows, &mut tile);
    for (level, labels) in tile.iter().enumerate() {
        let mut one = vec![0; rows];
        hierarchy.label_rows(level, first, &mut one);
        assert_eq!(&one, labels, "label_rows and label_tile differ on level index {level}");
    }
    tile
}

fn points(hierarchy: &Hierarchy, level: usize) -> Vec<Vec<u64>> {
    (0..hierarchy.k(level)).map(|cluster| hierarchy.points_of(level, cluster).collect()).collect()
}

#[test]
fn labels_points_and_sizes() {
    let (hierarchy, warnings) = Clustering::good().open(6, HierarchyOptions::default()).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(labels(&hierarchy, 0, 6), [[0, 3, 3, 3, 0, 1], [0, 0, 0, 0, 0, 0]]);
    assert_eq!(labels(&hierarchy, 4, 2), [[0, 1], [0, 0]]);
    assert_eq!(labels(&hierarchy, 6, 0), [[0; 0]; 2]);
    assert_eq!(points(&hierarchy, 0), [vec![4, 0], vec![5], vec![], vec![3, 1, 2]]);
    assert_eq!(points(&hierarchy, 1), [vec![3, 1, 2, 4, 0, 5], vec![]]);
    assert_eq!(hierarchy.levels[0].sizes, [2, 1, 0, 3]);
    assert_eq!(hierarchy.levels[1].sizes, [6, 0]);
    assert_eq!(hierarchy.levels[1].parent, [0, 0, 1, 0]);
    assert_eq!((hierarchy.k(0), hierarchy.k(1)), (4, 2));
}

#[test]
fn a_subset_maps_members_to_rows() {
    let options = HierarchyOptions { subset: Some(vec![10, 2, 4, 6, 8, 1]), ..HierarchyOptions::default() };
    let (hierarchy, _) = Clustering::good().open(11, options).unwrap();
    const NONE: u32 = UNLABELLED;
    let level1 = vec![NONE, 1, 3, NONE, 3, NONE, 3, NONE, 0, NONE, 0];
    let level2 = level1.iter().map(|&label| if label == NONE { NONE } else { 0 }).collect();
    assert_eq!(labels(&hierarchy, 0, 11), [level1, level2]);
    assert_eq!(points(&hierarchy, 0), [vec![8, 10], vec![1], vec![], vec![6, 2, 4]]);
    assert_eq!(points(&hierarchy, 1), [vec![6, 2, 4, 8, 10, 1], vec![]]);
}

#[test]
fn unassigned_rows_can_be_allowed() {
    let options = HierarchyOptions { allow_unassigned: true, ..HierarchyOptions::default() };
    let (hierarchy, _) = Clustering::good().open(7, options).unwrap();
    assert_eq!(labels(&hierarchy, 5, 2), [[1, UNLABELLED], [0, UNLABELLED]]);
}

#[test]
fn levels_above_those_wanted_are_not_opened() {
    let clustering = Clustering::good();
    clustering.write("level3/centroids.npy", b"broken");
    let options = HierarchyOptions { levels: vec![2], ..HierarchyOptions::default() };
    let (hierarchy, warnings) = clustering.open(6, options).unwrap();
    assert_eq!(hierarchy.levels.iter().map(|level| level.number).collect::<Vec<_>>(), [1, 2]);
    assert!(warnings.is_empty(), "{warnings:?}");
}

#[test]
fn config_yaml_is_compared_and_only_warned_about() {
    let clustering = Clustering::good();
    clustering.write("config.yaml", b"n_levels: 3\nn_clusters: [4, 5, 6]\nn_splits: [1, 1]\n");
    let (hierarchy, warnings) = clustering.open(6, HierarchyOptions::default()).unwrap();
    assert_eq!(hierarchy.upstream.n_levels, Some(3));
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert_says(&warnings[0], &["3 levels", "has 2"]);
    assert_says(&warnings[1], &["level 2", "5 clusters", "have 2"]);

    // A split cluster becomes several, so any number up to the product is as requested.
    clustering.write("config.yaml", b"n_levels: 2\nn_clusters: [1, 1]\nn_splits: [5, 2]\n");
    let (_, warnings) = clustering.open(6, HierarchyOptions::default()).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");

    clustering.write("config.yaml", b"n_levels: [\n");
    let (_, warnings) = clustering.open(6, HierarchyOptions::default()).unwrap();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
}

/// A level whose two files lie in `step0`, `step3` and `step12`, told apart by the clusters' order.
fn with_steps() -> Clustering {
    let clustering = Clustering::good();
    for (step, lists) in
        [("step0", [&[0, 1][..], &[2, 3]]), ("step3", [&[1, 0], &[3, 2]]), ("step12", [&[2, 3], &[0, 1]])]
    {
        clustering.write(&format!("level2/{step}/sorted_clusters.pkl"), &clusters(&lists));
        clustering.write(&format!("level2/{step}/centroids.npy"), &centroids(2, 3));
    }
    clustering.write("level2/step40/centroids.npy", &centroids(2, 3));
    clustering.remove("level2/sorted_clusters.pkl");
    clustering.remove("level2/centroids.npy");
    clustering
}

fn step_used(clustering: &Clustering) -> String {
    let (hierarchy, warnings) = clustering.open(6, HierarchyOptions::default()).unwrap();
    let sources = &hierarchy.levels[1].sources;
    assert_eq!(sources.clusters.parent(), sources.centroids.parent());
    let step = sources.clusters.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert_says(&warnings[0], &["level 2", &step]);
    step
}

#[test]
fn a_level_without_files_is_its_highest_complete_step() {
    assert_eq!(step_used(&with_steps()), "step12");
}

#[test]
fn a_text_file_in_place_of_a_link_is_followed() {
    let clustering = with_steps();
    clustering.write("level2/sorted_clusters.npy", b"step3/sorted_clusters.npy");
    clustering.write("level2/centroids.npy", b"step3/centroids.npy");
    assert_eq!(step_used(&clustering), "step3");
}

#[cfg(unix)]
#[test]
fn broken_links_name_their_step() {
    let clustering = with_steps();
    let link = |name: &str, step: &str| {
        let target = format!("/data/elsewhere/level2/{step}/{name}");
        std::os::unix::fs::symlink(target, clustering.path().join("level2").join(name)).unwrap();
    };
    link("sorted_clusters.pkl", "step3");
    link("centroids.npy", "step3");
    assert_eq!(step_used(&clustering), "step3");
    clustering.remove("level2/sorted_clusters.pkl");
    clustering.remove("level2/centroids.npy");
    link("centroids.npy", "step40");
    assert_eq!(step_used(&clustering), "step12", "step40 has no clusters");
}

#[cfg(unix)]
#[test]
fn valid_links_are_followed_without_a_warning() {
    let clustering = with_steps();
    for name in ["sorted_clusters.pkl", "centroids.npy"] {
        let folder = clustering.path().join("level2");
        std::os::unix::fs::symlink(folder.join("step0").join(name), folder.join(name)).unwrap();
    }
    let (hierarchy, warnings) = clustering.open(6, HierarchyOptions::default()).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(hierarchy.levels[1].parent, [0, 0, 1, 1]);
}
