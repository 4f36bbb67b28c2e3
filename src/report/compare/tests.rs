//! Outcomes, and which clusters match.

use serde_json::json;

use super::clusters::changes;
use super::*;
use crate::engine::partials::Sums;
use crate::metrics::Better;
use crate::metrics::agreement::Contingency;
use crate::metrics::level_statistics::LevelStatistics;
use crate::metrics::ranked_by;
use crate::plan::record::{Level, RankingRequest};

/// A level whose clusters have these distances to their centroids.
fn level(clusters: &[&[f64]]) -> Level {
    let sums = |distances: &&[f64]| distances.iter().fold(Sums::IDENTITY, |sum, d| sum.combine(Sums::of_point(d * d)));
    let by = ranked_by("inertia").expect("known");
    let request = RankingRequest { by, min_size: 0, best: 0, worst: 0 };
    let metrics = crate::metrics::select(&["fast".to_owned()]).expect("known");
    Level::new(&LevelStatistics::of_sums(1, clusters.iter().map(sums).collect()), &metrics, &request)
}

fn by(name: &str, top: usize) -> ClusterSelection {
    ClusterSelection { by: ranked_by(name).expect("known"), top }
}

fn numbers(changes: &[ClusterChange]) -> Vec<(u64, u64)> {
    changes.iter().map(|change| (change.cluster_a, change.cluster_b)).collect()
}

#[test]
fn clusters_of_the_same_clustering_match_by_number() {
    let a = level(&[&[1.0, 1.0], &[2.0], &[], &[3.0], &[5.0]]);
    let b = level(&[&[1.0, 2.0], &[1.0], &[], &[3.0], &[1.0]]);
    let found = changes(&a, &b, &Relation::Same, by("mean_distance", 9)).expect("known");
    assert_eq!((found.matched, found.of_a, found.of_b), (4, 4, 4));
    assert_eq!((numbers(&found.improved), numbers(&found.worsened)), (vec![(4, 4), (1, 1)], vec![(0, 0)]));
    let one = changes(&a, &b, &Relation::Same, by("mean_distance", 1)).expect("known");
    assert_eq!((one.improved[0].difference, one.improved.len()), (-4.0, 1));
    assert_eq!(changes(&a, &b, &Relation::Unknown, by("mean_distance", 1)), None);
}

#[test]
fn clusters_match_if_they_share_more_than_half_of_their_points() {
    let a = level(&[&[1.0; 4], &[1.0; 2], &[1.0; 2]]);
    let b = level(&[&[2.0; 3], &[0.5; 5]]);
    // cluster 0 of A has 3 of 4 points in cluster 0 of B, which has no other; cluster 1 is half of cluster 1
    let table = Contingency::of_groups(2, [vec![0, 0, 0, 1], vec![1, 1], vec![1, 1]]);
    let found = changes(&a, &b, &Relation::Table(table), by("mean_distance", 9)).expect("known");
    assert_eq!((found.matched, found.of_a, found.of_b), (1, 3, 2));
    assert_eq!((numbers(&found.worsened), found.worsened[0].jaccard), (vec![(0, 0)], 0.75));
    // exactly half is not more than half: two clusters of A would have the same match
    let table = Contingency::of_groups(1, [vec![0, 0], vec![0, 0]]);
    assert_eq!(changes(&a, &b, &Relation::Table(table), by("inertia", 9)).map(|found| found.matched), Some(0));
}

#[test]
fn outcomes_follow_the_better_direction_of_the_metric() {
    for (better, outcomes) in [
        (Better::Lower, [Some(Outcome::Better), Some(Outcome::Same), Some(Outcome::Worse)]),
        (Better::Higher, [Some(Outcome::Worse), Some(Outcome::Same), Some(Outcome::Better)]),
        (Better::Neither, [None; 3]),
    ] {
        assert_eq!([-1.0, 0.0, 1.0].map(|difference| Outcome::of(better, difference)), outcomes, "{better:?}");
        assert_eq!(Outcome::of(better, f64::NAN), None);
    }
}

#[test]
fn agreement_without_shared_points_is_unknown() {
    let level = level(&[&[1.0]]);
    assert!(Between::of(&Relation::Unknown, &level).is_none());
    assert!(Between::of(&Relation::Table(Contingency::of_groups(3, [[]])), &level).is_none());
    let same = Between::of(&Relation::Same, &level).expect("known");
    assert_eq!(json!(same), json!({"points": 1, "ari": 1.0, "ami": 1.0, "nmi": 1.0, "v_measure": 1.0}));
}
