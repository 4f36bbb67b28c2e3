//! Negative controls: the comparison notices slightly wrong metrics, and formulas easily mistaken for the right one.

use crate::definition::{Definition, Level};
use crate::drawn::{allowed, compare, draw, judge, shape};

/// Replaces a metric of a level.
fn with_figure(right: &Definition, name: &str, value: Option<f64>) -> Definition {
    let mut wrong = right.clone();
    wrong.figures.iter_mut().find(|(figure, _)| *figure == name).expect("a figure").1 = value;
    wrong
}

/// Replaces a column of the clusters.
fn with_column(right: &Definition, name: &str, values: Vec<Option<f64>>) -> Definition {
    let mut wrong = right.clone();
    wrong.clusters.iter_mut().find(|(column, _)| *column == name).expect("a column").1 = values;
    wrong
}

/// A value slightly outside the tolerance.
fn off(name: &str, value: f64) -> f64 {
    let allowed = allowed(name, value, 0.0);
    if allowed == 0.0 { value + 1.0 } else { value + 3.0 * allowed }
}

#[test]
fn every_metric_that_is_a_little_off_is_noticed() {
    let clustering = draw(&shape(257, 6, [20, 3], 100.0));
    let record = judge(&clustering, "cpu", &[]);
    let level = &record["levels"][0];
    let right = Definition::of(&Level::of(&clustering, 0));
    assert_eq!(compare(level, &right), Ok(()));
    for (name, value) in &right.figures {
        let value = value.expect("defined here");
        assert!(compare(level, &with_figure(&right, name, Some(off(name, value)))).is_err(), "{name}");
        assert!(compare(level, &with_figure(&right, name, None)).is_err(), "{name}");
    }
    for (name, column) in &right.clusters {
        let mut wrong = column.clone();
        wrong[4] = wrong[4].map(|value| off(name, value));
        assert_ne!(wrong, *column, "{name}");
        assert!(compare(level, &with_column(&right, name, wrong)).is_err(), "{name}");
        let mut wrong = column.clone();
        wrong[3] = None;
        assert!(compare(level, &with_column(&right, name, wrong)).is_err(), "{name}");
    }
}

#[test]
fn a_metric_that_is_no_number_is_noticed() {
    let clustering = draw(&shape(257, 6, [20, 3], 0.0));
    let record = judge(&clustering, "cpu", &[]);
    let right = Definition::of(&Level::of(&clustering, 0));
    for path in
        ["/figures/silhouette", "/figures/davies_bouldin", "/clusters/nearest_distance/2", "/clusters/silhouette"]
    {
        let mut damaged = record["levels"][0].clone();
        *damaged.pointer_mut(path).expect("there") = serde_json::Value::Null;
        assert!(compare(&damaged, &right).is_err(), "{path}");
    }
}

#[test]
fn similar_formulas_are_noticed() {
    let clustering = draw(&shape(257, 6, [20, 3], 0.0));
    let record = judge(&clustering, "cpu", &[]);
    let level = Level::of(&clustering, 0);
    let right = Definition::of(&level);
    let (means, stored) = (level.means(), level.centroids);
    let mean = |values: Vec<f64>| Some(values.iter().sum::<f64>() / values.len() as f64);
    let all: Vec<usize> = (0..stored.len()).collect();
    let searched_all = level.simplified(&all);
    let wrong_figures = [
        ("stored centroids in place of means", "davies_bouldin_means", Some(level.davies_bouldin(stored))),
        ("means in place of stored centroids", "davies_bouldin", Some(level.davies_bouldin(&means))),
        ("stored centroids in place of means", "calinski_harabasz", level.calinski_harabasz(stored)),
        ("stored centroids in place of means", "explained_variance", Some(1.0 - level.within(stored) / level.total())),
        ("a centroid of no point searched", "simplified_silhouette", mean(searched_all.clone())),
        ("a single point counted 1", "silhouette", mean(level.silhouettes(1.0))),
        ("the simplified for the exact one", "silhouette", mean(level.simplified(&level.filled()))),
    ];
    for (mistake, name, value) in wrong_figures {
        assert!(compare(&record["levels"][0], &with_figure(&right, name, value)).is_err(), "{name}: {mistake}");
    }
    let inertia = level.per_cluster(&level.own(), |own| own.iter().map(|d| d * d).sum());
    let sum: f64 = inertia.iter().flatten().sum();
    let average = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
    let wrong_columns = [
        ("a centroid of no point searched", "simplified_silhouette", level.per_cluster(&searched_all, average)),
        ("a single point counted 1", "silhouette", level.per_cluster(&level.silhouettes(1.0), average)),
        ("the own inertia's share", "parent_inertia_share", inertia.iter().map(|i| i.map(|i| i / sum)).collect()),
    ];
    for (mistake, name, values) in wrong_columns {
        assert!(compare(&record["levels"][0], &with_column(&right, name, values)).is_err(), "{name}: {mistake}");
    }
}
