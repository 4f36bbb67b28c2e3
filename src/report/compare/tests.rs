//! Outcomes, noise, the verdict, flows, and which clusters match.

use serde_json::{Value, json};

use super::clusters::changes;
use super::*;
use crate::engine::partials::Sums;
use crate::metrics::Better;
use crate::metrics::agreement::Contingency;
use crate::metrics::level_statistics::LevelStatistics;
use crate::metrics::ranked_by;
use crate::plan::record::{Level, MetricInfo, RankingRequest};

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
        assert_eq!([-1.0, 0.0, 1.0].map(|difference| Outcome::of(better, difference, 0.5)), outcomes, "{better:?}");
        assert_eq!(Outcome::of(better, f64::NAN, 0.5), None);
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

/// The outcome of a metric of levels with these values in A and B, beside other metrics with theirs.
fn outcome(metric: (&str, &str, Better), values: [Value; 2], others: &[(&str, [f64; 2])]) -> Option<Outcome> {
    let (name, unit, better) = metric;
    let info = MetricInfo { name: name.into(), summary: String::new(), unit: unit.into(), better };
    let [a, b] = [0, 1].map(|side| {
        let mut level = level(&[&[1.0]]);
        level.figures.insert(name.into(), values[side].clone());
        for (other, values) in others {
            level.figures.insert((*other).into(), values[side].into());
        }
        level
    });
    metric_changes::changes(&a, &b, std::slice::from_ref(&info), &[])[0].outcome
}

#[test]
fn differences_within_rounding_are_none() {
    let inertia = ("inertia", "squared distance", Better::Lower);
    let of_inertia = |b: f64| outcome(inertia, [json!(1e6), json!(b)], &[]);
    assert_eq!([1e6 + 0.9, 1e6 - 0.9, 1e6].map(of_inertia), [Some(Outcome::Same); 3]);
    assert_eq!([1e6 + 1.1, 1e6 - 1.1].map(of_inertia), [Some(Outcome::Worse), Some(Outcome::Better)]);
    // ratios agree to fewer digits than sums
    let ratio = ("davies_bouldin", "", Better::Lower);
    let of_ratio = |b: f64| outcome(ratio, [json!(1.0), json!(b)], &[]);
    assert_eq!([1.000_009, 1.000_011].map(of_ratio), [Some(Outcome::Same), Some(Outcome::Worse)]);
    // counts are exact, whatever their size
    let count = ("misassigned", "", Better::Lower);
    assert_eq!(outcome(count, [json!(1_000_000_000), json!(1_000_000_001)], &[]), Some(Outcome::Worse));
    assert_eq!(outcome(count, [json!(7), json!(7)], &[]), Some(Outcome::Same));
}

#[test]
fn differences_within_the_error_of_a_sample_are_none() {
    let silhouette = ("silhouette", "", Better::Higher);
    // the standard error of the difference is 0.005
    let errors = [("silhouette_standard_error", [0.003, 0.004])];
    let sampled = |b: f64| outcome(silhouette, [json!(0.2), json!(b)], &errors);
    assert_eq!([0.2099, 0.1901].map(sampled), [Some(Outcome::Same); 2]);
    assert_eq!([0.2101, 0.1899].map(sampled), [Some(Outcome::Better), Some(Outcome::Worse)]);
    // one of two can be exact
    let one = [("silhouette_standard_error", [0.0, 0.004])];
    assert_eq!(outcome(silhouette, [json!(0.2), json!(0.2081)], &one), Some(Outcome::Better));
    // the errors say nothing of exact silhouettes and of other metrics
    assert_eq!(outcome(silhouette, [json!(0.2), json!(0.2099)], &[]), Some(Outcome::Better));
    let other = ("simplified_silhouette", "", Better::Higher);
    assert_eq!(outcome(other, [json!(0.2), json!(0.2099)], &errors), Some(Outcome::Better));
}

#[test]
fn clusters_that_differ_by_rounding_did_not_change() {
    let a = level(&[&[1.0, 1.0], &[2.0], &[3.0]]);
    let b = level(&[&[1.0, 1.0 + 1e-9], &[2.0 + 1e-3], &[3.0]]);
    let found = changes(&a, &b, &Relation::Same, by("mean_distance", 9)).expect("known");
    assert_eq!((found.improved, numbers(&found.worsened)), (vec![], vec![(1, 1)]));
}

/// The flows between clusters, added in this order.
fn flows(cells: &[(u32, u32, u64)], most: usize) -> Flow {
    let mut flows = Flows::new(2, 3, most);
    cells.iter().for_each(|&(a, b, points)| flows.add(a, b, points));
    flows.finish()
}

#[test]
fn flows_add_up_and_partners_are_mutual() {
    let cells = [(0, 0, 1), (0, 1, 4), (1, 1, 2), (1, 2, 2)];
    let all = flows(&cells, 9);
    let triples = |flow: &Flow| flow.largest.iter().map(|s| (s.a, s.b, s.points)).collect::<Vec<_>>();
    assert_eq!(triples(&all), [(0, 1, 4), (1, 1, 2), (1, 2, 2), (0, 0, 1)]);
    assert_eq!((&all.of_a, &all.of_b, all.flows), (&vec![5, 4], &vec![1, 6, 2], 4));
    // cluster 1 of A shares most with cluster 1 of B, which shares more with cluster 0
    assert_eq!((&all.partners, all.stayed), (&vec![Some(1), None], 4));
    // the order in which they come does not matter
    assert_eq!(flows(&cells.iter().rev().copied().collect::<Vec<_>>(), 9), all);
    // with one point more, the other is the partner
    let other = flows(&[(0, 0, 1), (0, 1, 4), (1, 1, 5), (1, 2, 2)], 9);
    assert_eq!((&other.partners, other.stayed), (&vec![None, Some(1)], 5));
    // what is left out is still counted
    let few = flows(&cells, 1);
    assert_eq!(triples(&few), [(0, 1, 4)]);
    let rest = |flow: Flow| (flow.of_a, flow.of_b, flow.flows, flow.partners, flow.stayed);
    assert_eq!(rest(few), rest(all));
}

#[test]
fn flows_are_the_cells_of_the_table() {
    let groups = [vec![0, 2, 2, 1], vec![], vec![2, 2]];
    let mut flows = Flows::new(3, 3, 9);
    let add = |a: u64, b, points| flows.add(u32::try_from(a).expect("small"), b, points);
    let table = Contingency::of_groups_seen(3, groups.clone(), add);
    assert_eq!(table, Contingency::of_groups(3, groups));
    let flow = flows.finish();
    assert_eq!((flow.of_b, flow.of_a.iter().sum::<u64>()), (table.columns, table.points));
    assert_eq!(flow.of_a, table.rows.iter().map(|row| row.points).collect::<Vec<_>>());
    // the same clustering: every cluster is its own partner
    let same = Flow::same(&[3, 0, 2], 9);
    assert_eq!((same.partners, same.stayed), (vec![Some(0), None, Some(2)], 5));
}

/// Metrics of a level: name, values, outcome.
fn level_changes(metrics: &[(&str, [f64; 2], Outcome)]) -> Vec<MetricChange> {
    let value = |value: f64| {
        if value.fract() == 0.0 { json!(value.to_string().parse::<u64>().expect("whole")) } else { json!(value) }
    };
    let one = |&(name, [a, b], outcome): &(&str, [f64; 2], Outcome)| MetricChange {
        name: name.into(),
        better: Better::Higher,
        a: value(a),
        b: value(b),
        difference: Some(b - a),
        relative: None,
        noise: Some(0.0),
        outcome: Some(outcome),
        undefined: None,
    };
    metrics.iter().map(one).collect()
}

const SAME_DATA: SameData = SameData { embeddings: Some(true), rows: true, classes: None, differences: Vec::new() };

#[test]
fn the_verdict_follows_the_metrics_that_count() {
    use Outcome::{Better as Up, Same, Worse as Down};
    let judged = |metrics: &[(&str, [f64; 2], Outcome)], data: &SameData| {
        Judgement::of(std::iter::once((1, &*level_changes(metrics))), data)
    };
    let decision = |metrics: &[(&str, [f64; 2], Outcome)]| judged(metrics, &SAME_DATA).levels[0].decision;
    let silhouettes = |a, b| [("silhouette", [0.1, 0.2], a), ("simplified_silhouette", [0.1, 0.2], b)];
    assert_eq!(decision(&silhouettes(Up, Same)), Decision::Better);
    assert_eq!(decision(&silhouettes(Down, Down)), Decision::Worse);
    assert_eq!(decision(&silhouettes(Up, Down)), Decision::Mixed);
    assert_eq!(decision(&silhouettes(Same, Same)), Decision::Same);
    assert_eq!(decision(&[]), Decision::Open);
    let three = [("silhouette", [0.1, 0.2], Up), ("davies_bouldin", [1.5, 1.2], Up), ("ami", [0.1, 0.2], Up)];
    assert_eq!(decision(&[&three[..], &[("ari", [0.2, 0.1], Down)]].concat()), Decision::MostlyBetter);
    // even sizes decide nothing, nor does the error of a sample
    let sizes = [("size_entropy", [0.5, 0.4], Down), ("silhouette_standard_error", [0.1, 0.2], Down)];
    let all = judged(&[&three[..], &sizes].concat(), &SAME_DATA);
    assert_eq!((all.levels[0].decision, all.levels[0].sizes), (Decision::Better, Some(Down)));
    assert_eq!(all.text, "B is better on level 1.");
    // more clusters alone lower the inertia
    let clusters = |of_b| [("clusters", [3.0, of_b], Same), ("inertia", [2.5, 1.5], Up), ("ami", [0.2, 0.1], Down)];
    assert_eq!(decision(&clusters(3.0)), Decision::Mixed);
    let more = judged(&clusters(4.0), &SAME_DATA);
    assert_eq!(
        (more.levels[0].decision, &more.levels[0].left_out[0].metrics),
        (Decision::Worse, &vec!["inertia".into()])
    );
    // distances in different data say nothing, classes of the same rows do
    let other = SameData { embeddings: Some(false), ..SAME_DATA };
    assert_eq!(
        judged(&silhouettes(Up, Up), &other).text,
        "The runs judged different data: no metric says which is better."
    );
    assert_eq!(judged(&[("ami", [0.2, 0.3], Up)], &other).levels[0].decision, Decision::Better);
    let rows = SameData { rows: false, ..other };
    assert_eq!(judged(&[("ami", [0.2, 0.3], Up)], &rows).levels[0].decision, Decision::Open);
    let unknown = SameData { embeddings: None, ..SAME_DATA };
    assert_eq!(judged(&silhouettes(Up, Up), &unknown).text, "If both judged the same data, B is better on level 1.");
}
