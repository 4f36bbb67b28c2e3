//! Hand-computed values, the degenerate cases, and the list's own promises.

use super::*;

fn sums(squares: &[f64]) -> Sums {
    squares.iter().fold(Sums::IDENTITY, |sum, &s| sum.combine(Sums::of_point(s)))
}

fn level_figure(name: &str, clusters: &[Sums]) -> Scalar {
    let metric = METRICS.iter().find(|m| m.name() == name).expect("a listed metric");
    metric.level(&LevelFacts::of_sums(1, clusters.to_vec())).expect("a metric of levels")
}

fn cluster_figure(name: &str, clusters: &[Sums]) -> Vec<f64> {
    let metric = METRICS.iter().find(|m| m.name() == name).expect("a listed metric");
    let column = metric.clusters(&LevelFacts::of_sums(1, clusters.to_vec())).expect("a metric of clusters");
    (0..column.len()).map(|c| column.real(c)).collect()
}

#[test]
fn figures_of_a_level_worked_by_hand() {
    // sizes 1, 0, 3: distances 2 | | 1, 2, 3
    let clusters = [sums(&[4.0]), Sums::IDENTITY, sums(&[1.0, 4.0, 9.0])];
    assert_eq!(level_figure("points", &clusters), Scalar::Count(4));
    assert_eq!(level_figure("clusters", &clusters), Scalar::Count(3));
    assert_eq!(level_figure("empty_clusters", &clusters), Scalar::Count(1));
    assert_eq!(level_figure("inertia", &clusters), Scalar::Real(18.0));
    assert_eq!(level_figure("average_inertia", &clusters), Scalar::Real(6.0));
    assert_eq!(level_figure("largest_share", &clusters), Scalar::Real(0.75));
    // sizes 1 and 3: (-1 * 1 + 1 * 3) / (2 * 4)
    assert_eq!(level_figure("size_gini", &clusters), Scalar::Real(0.25));
    let Scalar::Real(entropy) = level_figure("size_entropy", &clusters) else { panic!("defined for two clusters") };
    assert!((entropy - 0.811_278_124_459_132_8).abs() < 1e-15, "{entropy}");
}

#[test]
fn figures_of_clusters_worked_by_hand() {
    let clusters = [sums(&[4.0]), Sums::IDENTITY, sums(&[1.0, 4.0, 9.0])];
    let defined = |name: &str| {
        let column = cluster_figure(name, &clusters);
        (column[0], column[1].is_nan(), column[2])
    };
    assert_eq!(cluster_figure("size", &clusters), [1.0, 0.0, 3.0]);
    assert_eq!(cluster_figure("inertia", &clusters), [4.0, 0.0, 14.0]);
    assert_eq!(defined("mean_inertia"), (4.0, true, 14.0 / 3.0));
    assert_eq!(defined("mean_distance"), (2.0, true, 2.0));
    assert_eq!(defined("max_distance"), (2.0, true, 3.0));
}

#[test]
fn degenerate_levels_have_their_documented_outcome() {
    let one = [sums(&[1.0, 1.0])];
    assert!(matches!(level_figure("size_entropy", &one), Scalar::Undefined(_)));
    assert_eq!(level_figure("size_gini", &one), Scalar::Real(0.0));
    let none = [Sums::IDENTITY, Sums::IDENTITY];
    assert!(matches!(level_figure("size_gini", &none), Scalar::Undefined(_)));
    assert!(matches!(level_figure("largest_share", &none), Scalar::Undefined(_)));
    let equal = [sums(&[1.0, 1.0]), sums(&[2.0, 2.0]), sums(&[3.0, 3.0])];
    let Scalar::Real(entropy) = level_figure("size_entropy", &equal) else { panic!("defined for three clusters") };
    assert!((entropy - 1.0).abs() < 1e-15, "{entropy}");
}

#[test]
fn names_are_unique_and_every_metric_says_something() {
    for (i, metric) in METRICS.iter().enumerate() {
        assert!(METRICS[i + 1..].iter().all(|other| other.name() != metric.name()), "{} twice", metric.name());
        let level = LevelFacts::blank();
        assert!(metric.clusters(&level).is_some() || metric.level(&level).is_some(), "{} is empty", metric.name());
        assert!(!metric.summary().is_empty());
    }
}

#[test]
fn selection_knows_names_and_suggests_the_nearest() {
    let names = |list: &[&str]| -> Vec<&str> {
        let list: Vec<String> = list.iter().map(|&n| n.to_owned()).collect();
        select(&list).map(|m| m.iter().map(|m| m.name()).collect()).unwrap_or_default()
    };
    assert_eq!(names(&["all"]).len(), METRICS.len());
    assert_eq!(names(&["mean-distance"]), ["points", "clusters", "empty_clusters", "size", "mean_distance"]);
    let refused = select(&["inertai".to_owned()]).map(|m| m.len()).expect_err("no such metric");
    assert!(refused.to_string().contains("did you mean `inertia`"), "{refused}");
}
