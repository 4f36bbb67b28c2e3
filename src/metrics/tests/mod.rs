//! Hand-computed values, degenerate cases, and invariants of the list.

mod xie_beni;

use super::*;
use crate::engine::partials::Sums;
use crate::metrics::level_statistics::{MeanStatistics, Neighbours, Parents, Silhouettes};

fn sums(squares: &[f64]) -> Sums {
    squares.iter().fold(Sums::IDENTITY, |sum, &s| sum.combine(Sums::of_point(s)))
}

fn level_value(name: &str, clusters: &[Sums]) -> Scalar {
    let metric = METRICS.iter().find(|m| m.name() == name).expect("a listed metric");
    metric.level(&LevelStatistics::of_sums(1, clusters.to_vec())).expect("a metric of levels")
}

fn cluster_values(name: &str, clusters: &[Sums]) -> Vec<f64> {
    let metric = METRICS.iter().find(|m| m.name() == name).expect("a listed metric");
    let column = metric.clusters(&LevelStatistics::of_sums(1, clusters.to_vec())).expect("a metric of clusters");
    (0..column.len()).map(|c| column.real(c)).collect()
}

#[test]
fn level_values_match_hand_computed_ones() {
    // sizes 1, 0, 3: distances 2 | | 1, 2, 3
    let clusters = [sums(&[4.0]), Sums::IDENTITY, sums(&[1.0, 4.0, 9.0])];
    assert_eq!(level_value("points", &clusters), Scalar::Count(4));
    assert_eq!(level_value("clusters", &clusters), Scalar::Count(3));
    assert_eq!(level_value("empty_clusters", &clusters), Scalar::Count(1));
    assert_eq!(level_value("inertia", &clusters), Scalar::Real(18.0));
    assert_eq!(level_value("average_inertia", &clusters), Scalar::Real(6.0));
    assert_eq!(level_value("largest_share", &clusters), Scalar::Real(0.75));
    // sizes 1 and 3: (-1 * 1 + 1 * 3) / (2 * 4)
    assert_eq!(level_value("size_gini", &clusters), Scalar::Real(0.25));
    let Scalar::Real(entropy) = level_value("size_entropy", &clusters) else { panic!("defined for two clusters") };
    assert!((entropy - 0.811_278_124_459_132_8).abs() < 1e-15, "{entropy}");
}

#[test]
fn cluster_values_match_hand_computed_ones() {
    let clusters = [sums(&[4.0]), Sums::IDENTITY, sums(&[1.0, 4.0, 9.0])];
    let defined = |name: &str| {
        let column = cluster_values(name, &clusters);
        (column[0], column[1].is_nan(), column[2])
    };
    assert_eq!(cluster_values("size", &clusters), [1.0, 0.0, 3.0]);
    assert_eq!(cluster_values("inertia", &clusters), [4.0, 0.0, 14.0]);
    assert_eq!(defined("mean_inertia"), (4.0, true, 14.0 / 3.0));
    assert_eq!(defined("mean_distance"), (2.0, true, 2.0));
    assert_eq!(defined("max_distance"), (2.0, true, 3.0));
}

/// Two non-empty clusters and an empty one, with all statistics present.
fn complete() -> LevelStatistics {
    let searched = |squares: &[f64], silhouette: f64, misassigned: u64| Sums {
        simplified_silhouette: silhouette,
        misassigned,
        ..sums(squares)
    };
    let neighbours =
        |nearest: u64, distance: f64, worst_ratio: f64| Neighbours { nearest: Some(nearest), distance, worst_ratio };
    LevelStatistics {
        searched: true,
        neighbours: Some(vec![neighbours(2, 4.0, 1.0), Neighbours::NONE, neighbours(0, 4.0, 2.0)]),
        means: Some(MeanStatistics {
            around_mean: vec![sums(&[3.0]), Sums::IDENTITY, sums(&[1.0, 1.0, 4.0])],
            from_centre: vec![6.0, f64::NAN, 2.0],
            from_parent: vec![7.0, f64::NAN, 1.0],
        }),
        mean_neighbours: Some(vec![neighbours(2, 5.0, 0.5), Neighbours::NONE, neighbours(0, 5.0, 1.5)]),
        silhouette: Some(Silhouettes { sums: vec![0.0, 0.0, 1.5], counts: vec![1, 0, 2], standard_error: Some(0.125) }),
        parents: Some(Parents { of: vec![1, 0, 1], clusters: vec![Sums::IDENTITY, sums(&[9.0, 8.0, 2.0, 1.0])] }),
        ..LevelStatistics::of_sums(
            1,
            vec![searched(&[4.0], 0.5, 0), Sums::IDENTITY, searched(&[1.0, 4.0, 9.0], -1.5, 2)],
        )
    }
}

#[test]
fn comparisons_of_clusters_match_hand_computed_values() {
    let level = complete();
    let value = |name: &str| {
        let metric = METRICS.iter().find(|m| m.name() == name).expect("a listed metric");
        metric.level(&level).expect("a metric of levels")
    };
    assert_eq!(value("simplified_silhouette"), Scalar::Real(-0.25));
    assert_eq!(value("misassigned"), Scalar::Count(2));
    assert_eq!(value("davies_bouldin"), Scalar::Real(1.5));
    assert_eq!(value("davies_bouldin_means"), Scalar::Real(1.0));
    // W = 9, B = 1 * 6 + 3 * 2 = 12
    assert_eq!(value("explained_variance"), Scalar::Real(12.0 / 21.0));
    assert_eq!(value("calinski_harabasz"), Scalar::Real(12.0 * 2.0 / 9.0));
    assert_eq!(value("silhouette"), Scalar::Real(0.5));
    assert_eq!(value("silhouette_standard_error"), Scalar::Real(0.125));
    let column = |name: &str| {
        let metric = METRICS.iter().find(|m| m.name() == name).expect("a listed metric");
        let column = metric.clusters(&level).expect("a metric of clusters");
        assert!(column.real(1).is_nan() || column.real(1) == 0.0, "{name} of the empty cluster");
        (column.real(0), column.real(2))
    };
    assert_eq!(column("simplified_silhouette"), (0.5, -0.5));
    assert_eq!(column("misassigned"), (0.0, 2.0));
    assert_eq!((column("nearest_cluster"), column("nearest_distance")), ((2.0, 0.0), (4.0, 4.0)));
    assert_eq!(column("silhouette"), (0.0, 0.75));
    // all four points are the parent's, whose inertia is 20: 3 + 1 * 7 and 6 + 3 * 1
    assert_eq!(column("parent_points_share"), (0.25, 0.75));
    assert_eq!(column("parent_inertia_share"), (0.5, 9.0 / 20.0));
    assert_eq!(xie_beni::XieBeni.level(&level), Some(Scalar::Real(18.0 / (4.0 * 16.0))));
}

#[test]
fn comparisons_need_two_clusters() {
    let mut level = complete();
    level.clusters[0] = Sums::IDENTITY;
    for name in ["simplified_silhouette", "davies_bouldin", "davies_bouldin_means", "calinski_harabasz", "silhouette"] {
        let metric = METRICS.iter().find(|m| m.name() == name).expect("a listed metric");
        assert!(matches!(metric.level(&level), Some(Scalar::Undefined(_))), "{name}");
    }
    assert_eq!(xie_beni::XieBeni.level(&level), Some(Scalar::Undefined(TWO_CLUSTERS)));
}

#[test]
fn degenerate_dispersions_give_the_documented_result() {
    let value = |name: &str, level: &LevelStatistics| {
        METRICS.iter().find(|m| m.name() == name).and_then(|m| m.level(level)).expect("a metric of levels")
    };
    let mut level = complete();
    level.means = Some(MeanStatistics {
        around_mean: vec![sums(&[0.0]), Sums::IDENTITY, sums(&[0.0, 0.0, 0.0])],
        from_centre: vec![6.0, f64::NAN, 2.0],
        from_parent: Vec::new(),
    });
    assert_eq!(value("calinski_harabasz", &level), Scalar::Real(1.0));
    assert_eq!(value("explained_variance", &level), Scalar::Real(1.0));
    let equal = MeanStatistics { from_centre: vec![0.0, f64::NAN, 0.0], ..level.means.clone().expect("there") };
    level.means = Some(equal);
    assert!(matches!(value("explained_variance", &level), Scalar::Undefined(_)));
    level.clusters[2] = sums(&[0.0]);
    assert!(matches!(value("calinski_harabasz", &level), Scalar::Undefined(_)), "n = K");
}

#[test]
fn a_metric_without_its_needs_has_no_value() {
    let sums_only = LevelStatistics::of_sums(1, vec![sums(&[1.0]), sums(&[2.0])]);
    for metric in METRICS {
        let has = metric.level(&sums_only).is_some() || metric.clusters(&sums_only).is_some();
        assert_eq!(has, metric.needs().is_empty(), "{}", metric.name());
    }
}

#[test]
fn the_example_in_contributing_is_the_tested_code() {
    let text = include_str!("../../../CONTRIBUTING.md");
    let code = include_str!("xie_beni.rs");
    assert!(text.contains(&format!("```rust\n{code}```")), "CONTRIBUTING.md does not show the tested Xie-Beni index");
}

#[test]
fn degenerate_levels_give_the_documented_result() {
    let one = [sums(&[1.0, 1.0])];
    assert!(matches!(level_value("size_entropy", &one), Scalar::Undefined(_)));
    assert_eq!(level_value("size_gini", &one), Scalar::Real(0.0));
    let none = [Sums::IDENTITY, Sums::IDENTITY];
    assert!(matches!(level_value("size_gini", &none), Scalar::Undefined(_)));
    assert!(matches!(level_value("largest_share", &none), Scalar::Undefined(_)));
    let equal = [sums(&[1.0, 1.0]), sums(&[2.0, 2.0]), sums(&[3.0, 3.0])];
    let Scalar::Real(entropy) = level_value("size_entropy", &equal) else { panic!("defined for three clusters") };
    assert!((entropy - 1.0).abs() < 1e-15, "{entropy}");
}

#[test]
fn names_are_unique_and_every_metric_has_values_and_a_summary() {
    for (i, metric) in METRICS.iter().enumerate() {
        assert!(METRICS[i + 1..].iter().all(|other| other.name() != metric.name()), "{} twice", metric.name());
        let level = LevelStatistics::blank();
        assert!(metric.clusters(&level).is_some() || metric.level(&level).is_some(), "{} is empty", metric.name());
        assert!(!metric.summary().is_empty());
    }
}

#[test]
fn selection_accepts_names_and_suggests_the_nearest() {
    let names = |list: &[&str]| -> Vec<&str> {
        let list: Vec<String> = list.iter().map(|&n| n.to_owned()).collect();
        select(&list).map(|m| m.iter().map(|m| m.name()).collect()).unwrap_or_default()
    };
    assert_eq!((names(&["all"]).len(), names(&[]).len()), (METRICS.len(), METRICS.len()));
    let fast = names(&["fast"]);
    assert!(fast.contains(&"size_gini") && !fast.contains(&"silhouette"), "{fast:?}");
    assert!(names(&["fast", "davies-bouldin"]).contains(&"davies_bouldin"));
    assert_eq!(names(&["mean-distance"]), ["points", "clusters", "empty_clusters", "size", "mean_distance"]);
    let refused = select(&["inertai".to_owned()]).map(|m| m.len()).expect_err("no such metric");
    assert!(refused.to_string().contains("did you mean `inertia`"), "{refused}");
}

#[test]
fn clusters_are_ranked_by_the_silhouette_if_it_is_exact_and_never_by_inertia() {
    let ranking = |names: &[&str], exact| {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        default_ranking(&select(&names).expect("known names"), exact)
    };
    assert_eq!(ranking(&["all"], true), "silhouette");
    assert_eq!(ranking(&["all"], false), "simplified_silhouette", "a sample misses clusters");
    assert_eq!(ranking(&["fast"], true), "mean_inertia", "the others need a search");
    assert_eq!(ranking(&["inertia", "mean_inertia"], true), "mean_inertia");
    assert_eq!(ranking(&["inertia"], true), "mean_inertia", "which the settings then add");
}
