//! Metrics of degenerate clusterings: one cluster, empty clusters, single points, equal points, coincident centroids.

use serde_json::Value;

use crate::common::{Clustering, Dtype, devices, judged, scratch, stored};
use crate::drawn::{draw, hold, shape};

/// Metrics that need two non-empty clusters.
const OF_TWO: [&str; 5] =
    ["simplified_silhouette", "davies_bouldin", "davies_bouldin_means", "calinski_harabasz", "silhouette"];

/// Level 1 of a clustering, compared with the definition on a device.
fn first_level(clustering: &Clustering, device: &str) -> Value {
    hold(clustering, device, &[]).unwrap_or_else(|wrong| panic!("{wrong}"))["levels"][0].take()
}

/// One level over points on a line.
fn line(points: &[f64], members: &[&[u64]], centroids: &[f64]) -> Clustering {
    let column = |values: &[f64]| values.iter().map(|&value| vec![stored(value, Dtype::F4)]).collect::<Vec<_>>();
    let members = members.iter().map(|members| members.to_vec()).collect();
    Clustering { points: column(points), dtype: Dtype::F4, levels: vec![(members, column(centroids))], subset: None }
}

#[test]
fn one_cluster_has_no_metric_that_needs_two() {
    let mut one_of_three = draw(&shape(65, 7, [3, 1], 0.0));
    one_of_three.levels[0].0 = vec![vec![], (0..65).collect(), vec![]];
    for clustering in [draw(&shape(1, 1, [1, 1], 0.0)), draw(&shape(65, 7, [1, 1], 100.0)), one_of_three] {
        for device in devices() {
            let level = first_level(&clustering, device);
            for name in OF_TWO {
                assert!(level["figures"][name].is_null(), "{name} on {device}: {}", level["figures"][name]);
            }
            assert_eq!(level["figures"]["misassigned"], 0, "{device}");
            for name in ["simplified_silhouette", "silhouette", "nearest_cluster", "nearest_distance"] {
                let column = level["clusters"][name].as_array().expect("a column");
                assert!(column.iter().all(Value::is_null), "{name} on {device}: {column:?}");
            }
        }
    }
}

#[test]
fn single_points_count_nothing_in_the_silhouette_and_one_in_the_simplified() {
    let mut clustering = draw(&shape(130, 16, [130, 3], 100.0));
    clustering.levels[0] = ((0..130).map(|i| vec![i]).collect(), clustering.points.clone());
    for device in devices() {
        let figures = first_level(&clustering, device)["figures"].take();
        assert_eq!(figures["silhouette"], 0.0, "{device}");
        assert_eq!(figures["simplified_silhouette"], 1.0, "{device}");
        assert_eq!((&figures["davies_bouldin"], &figures["davies_bouldin_means"]), (&0.0.into(), &0.0.into()));
        assert_eq!((&figures["explained_variance"], &figures["calinski_harabasz"]), (&1.0.into(), &Value::Null));
    }
}

#[test]
fn equal_points_on_coincident_centroids_have_neutral_metrics() {
    let mut clustering = draw(&shape(70, 12, [3, 2], 100.0));
    let point = clustering.points[0].clone();
    clustering.points.iter_mut().for_each(|p| p.clone_from(&point));
    clustering.levels.iter_mut().for_each(|(_, centroids)| centroids.iter_mut().for_each(|c| c.clone_from(&point)));
    for device in devices() {
        let level = first_level(&clustering, device);
        for name in ["simplified_silhouette", "silhouette", "davies_bouldin", "davies_bouldin_means", "misassigned"] {
            assert_eq!(level["figures"][name].as_f64(), Some(0.0), "{name} on {device}");
        }
        assert!(level["figures"]["explained_variance"].is_null(), "{device}");
        assert!(level["clusters"]["parent_inertia_share"].as_array().is_some_and(|c| c.iter().all(Value::is_null)));
        assert_eq!(level["clusters"]["nearest_cluster"], serde_json::json!([1, 0, 0]), "{device}");
    }
}

#[test]
fn equal_points_per_cluster_are_fully_explained() {
    // no point differs from its cluster's mean: scikit-learn's Calinski-Harabasz is 1 by definition
    let points: Vec<f64> = (0..90).map(|i| f64::from(i % 3)).collect();
    let members: Vec<Vec<u64>> = (0..3).map(|c| (0..30).map(|i| 3 * i + c).collect()).collect();
    let clustering = line(&points, &members.iter().map(Vec::as_slice).collect::<Vec<_>>(), &[0.25, 1.0, 2.5]);
    for device in devices() {
        let figures = first_level(&clustering, device)["figures"].take();
        for (name, value) in [("calinski_harabasz", 1.0), ("explained_variance", 1.0), ("silhouette", 1.0)] {
            assert_eq!(figures[name], value, "{name} on {device}");
        }
    }
}

#[test]
fn davies_bouldin_skips_coincident_centroids() {
    let mut clustering = draw(&shape(200, 5, [9, 3], 100.0));
    let centroid = clustering.levels[0].1[4].clone();
    clustering.levels[0].1[7] = centroid;
    for device in devices() {
        let level = first_level(&clustering, device);
        assert!(level["figures"]["davies_bouldin"].as_f64().is_some_and(f64::is_finite), "{device}");
        let clusters = &level["clusters"];
        assert_eq!((&clusters["nearest_cluster"][4], &clusters["nearest_cluster"][7]), (&7.into(), &4.into()));
        assert_eq!(clusters["nearest_distance"][7], 0.0, "{device}");
    }
}

#[test]
fn two_clusters_of_the_same_points_have_one_mean() {
    // the means coincide, so no pair is left for Davies-Bouldin of the means; the stored centroids differ
    let points: Vec<f64> = (0..40).map(|i| 1000.0 + f64::from(i % 20) / 3.0).collect();
    let [low, high]: [Vec<u64>; 2] = [(0..20).collect(), (20..40).rev().collect()];
    let clustering = line(&points, &[&low, &high], &[1001.0, 1004.0]);
    for device in devices() {
        let figures = first_level(&clustering, device)["figures"].take();
        assert!(figures["davies_bouldin"].as_f64().is_some_and(|value| value > 0.5), "{device}");
        assert_eq!(figures["davies_bouldin_means"], 0.0, "{device}");
    }
}

#[test]
fn empty_clusters_are_not_searched_and_have_no_metrics() {
    let clustering = draw(&shape(257, 6, [20, 3], 0.0));
    for device in devices() {
        let clusters = first_level(&clustering, device)["clusters"].take();
        for name in
            ["simplified_silhouette", "silhouette", "nearest_cluster", "nearest_distance", "parent_points_share"]
        {
            assert!(clusters[name][1].is_null(), "{name} on {device}: {}", clusters[name][1]);
        }
        assert_eq!((&clusters["size"][1], &clusters["misassigned"][1]), (&0.into(), &0.into()), "{device}");
        assert!(clusters["nearest_cluster"].as_array().expect("a column").iter().all(|cluster| *cluster != 1));
    }
}

#[test]
fn misassigned_points_count_in_their_own_cluster_and_ties_do_not() {
    // points 0 to 4 in cluster 0 (centroid 0), 5 to 7 in cluster 1 (centroid 10), 8 in cluster 3 (centroid -20); cluster 2
    // is empty; its centroid 1 is the nearest to point 2. Point 3 is equidistant to 0 and 10.
    let points = [0.0, 1.0, 2.0, 5.0, 6.0, 4.0, 11.0, -8.0, -20.0];
    let clustering = line(&points, &[&[0, 1, 2, 3, 4], &[5, 6, 7], &[], &[8]], &[0.0, 10.0, 1.0, -20.0]);
    for device in devices() {
        let level = first_level(&clustering, device);
        assert_eq!(level["clusters"]["misassigned"], serde_json::json!([1, 2, 0, 0]), "{device}");
        assert_eq!(level["figures"]["misassigned"], 3, "{device}");
    }
}

#[test]
fn a_cluster_that_loses_all_its_rows_is_not_searched() {
    let made = line(&[0.0, 1.0, f64::NAN, 10.0, 11.0], &[&[0, 1], &[2], &[3, 4]], &[0.0, 1.0, 10.0]);
    for device in devices() {
        let folder = scratch();
        let (hier, embeddings) = made.write(folder.path());
        let more = ["--device", device, "--nonfinite", "skip", "--metrics", "all"];
        let record = judged(&hier, &embeddings, &folder.path().join("out"), &more);
        let level = &record["levels"][0];
        assert_eq!((&level["figures"]["points"], &level["figures"]["empty_clusters"]), (&4.into(), &1.into()));
        // the emptied cluster's centroid is the nearest to the second point
        assert_eq!(level["figures"]["misassigned"], 0, "{device}");
        let want = (1.0 + 8.0 / 9.0 + 1.0 + 10.0 / 11.0) / 4.0;
        let got = level["figures"]["simplified_silhouette"].as_f64().expect("a number");
        assert!((got - want).abs() < 1e-6, "{device}: {got}");
        assert_eq!(level["clusters"]["nearest_cluster"], serde_json::json!([2, null, 0]), "{device}");
    }
}

#[test]
fn a_tile_without_rows_to_search_is_skipped() {
    let points: Vec<f64> = (0..80).map(|row| if row < 64 { f64::NAN } else { f64::from(row) }).collect();
    let members: Vec<Vec<u64>> = (0..6).map(|cluster| (0..80).filter(|row| row % 6 == cluster).collect()).collect();
    let members: Vec<&[u64]> = members.iter().map(Vec::as_slice).collect();
    let made = line(&points, &members, &[64.0, 66.0, 68.0, 70.0, 72.0, 74.0]);
    for device in devices() {
        let folder = scratch();
        let (hier, embeddings) = made.write(folder.path());
        let more = ["--device", device, "--nonfinite", "skip", "--metrics", "all", "--tile-rows", "64"];
        let record = judged(&hier, &embeddings, &folder.path().join("out"), &more);
        assert_eq!((&record["skipped_rows"], &record["levels"][0]["figures"]["points"]), (&64.into(), &16.into()));
        assert!(record["levels"][0]["figures"]["simplified_silhouette"].is_f64(), "{device}");
    }
}
