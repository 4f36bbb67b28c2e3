//! Every rule on made records: what it finds, how severe, and where it is silent.

use serde_json::{Value, json};

use super::*;
use crate::metrics::Severity;

/// A record with these levels.
fn record(levels: Vec<Value>) -> RunRecord {
    let device = json!({ "backend": "cpu", "name": "made", "kind": "cpu", "api": "", "driver": "", "reason": "made", "lanes": 1,
                         "tile_rows": 1, "limits": {} });
    let rows = levels.first().map_or(0, |level| points(&level["clusters"]["size"]));
    let inputs = json!({ "rows": rows, "dim": 2, "dtype": "<f4", "embeddings": [], "clustering": "made", "hierarchy": [],
                         "subset": null });
    let record = json!({ "format": 1, "version": "0", "command": [], "started": "", "device": device, "settings": {},
                         "inputs": inputs, "stages": [], "warnings": [], "skipped_rows": 0, "metrics": [],
                         "levels": levels });
    serde_json::from_value(record).expect("a record")
}

fn points(sizes: &Value) -> u64 {
    sizes.as_array().expect("sizes").iter().filter_map(Value::as_u64).sum()
}

/// A level with per-level metrics and columns of clusters; `size` must be among these.
fn level(number: u32, figures: Value, clusters: Value) -> Value {
    let sizes: Vec<u64> = clusters["size"].as_array().expect("sizes").iter().filter_map(Value::as_u64).collect();
    let mut figures = figures;
    figures["points"] = sizes.iter().sum::<u64>().into();
    let small = sizes.iter().filter(|&&size| size < 10).sum::<u64>();
    let singletons = sizes.iter().filter(|&&size| size == 1).count();
    let ranking = json!({ "by": "silhouette", "min_size": 10, "ranked": 0, "small_points": small,
                          "singletons": singletons, "best": [], "worst": [] });
    json!({ "level": number, "figures": figures, "clusters": clusters, "ranking": ranking })
}

/// The findings of one rule on one level.
fn found(rule: &str, figures: Value, clusters: Value) -> Option<ClusteringFinding> {
    of_record(rule, &record(vec![level(1, figures, clusters)]))
}

fn of_record(rule: &str, record: &RunRecord) -> Option<ClusteringFinding> {
    let mut found: Vec<_> = of(record).into_iter().filter(|finding| finding.rule == rule).collect();
    assert!(found.len() <= 1, "{found:?}");
    found.pop()
}

fn severity(finding: Option<ClusteringFinding>) -> Option<Severity> {
    finding.map(|finding| finding.severity)
}

#[test]
fn a_level_collapses_by_share_and_by_fair_share() {
    let of = |sizes: &[u64]| found("collapsed", json!({}), json!({ "size": sizes }));
    let collapsed = of(&[10, 70, 5, 5, 10]).expect("found");
    assert_eq!(collapsed.severity, Severity::Severe);
    assert_eq!(collapsed.sentence, "Level 1 collapsed: cluster 1 holds 70 % of the points.");
    assert_eq!(collapsed.clusters.expect("shown").cluster, Some(1));
    assert_eq!(severity(of(&[950, 50])), Some(Severity::Severe), "nine tenths of two");
    assert_eq!(severity(of(&[50, 50])), None, "half of two is fair");
    assert_eq!(severity(of(&[60, 20, 20])), None, "less than twice the fair share");
    assert_eq!(severity(of(&[10, 70, 10, 10])), Some(Severity::Warning), "less than three times the fair share");
    let mut sizes = vec![20_u64; 100];
    sizes[7] = 800;
    assert_eq!(severity(of(&sizes)), Some(Severity::Warning));
    assert_eq!(severity(of(&[100])), None, "one cluster is another finding");
    assert_eq!(severity(of(&[])), None);
}

#[test]
fn single_points_empty_and_small_clusters_are_counted() {
    let sizes =
        json!({ "size": [100, 1, 0, 5, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 1, 100, 100] });
    let singletons = found("singletons", json!({}), sizes.clone()).expect("found");
    assert_eq!((singletons.severity, singletons.value), (Severity::Warning, 2.0), "a ninth of the clusters");
    assert_eq!(singletons.sentence, "2 of 19 clusters of level 1 (1 and 16) hold one point each.");
    assert_eq!(singletons.clusters.expect("shown").filter, "size = 1");
    let empty = found("empty", json!({}), sizes.clone()).expect("found");
    assert_eq!((empty.severity, empty.value), (Severity::Note, 1.0));
    assert_eq!(severity(found("small", json!({}), sizes)), None, "0.5 % of the points");
    let small = found("small", json!({}), json!({ "size": [100, 9, 9, 9] })).expect("found");
    assert_eq!((small.severity, small.value), (Severity::Note, 27.0 / 127.0));
    assert!(small.sentence.starts_with("21 % of the points on level 1"), "{small:?}");
    let full = json!({ "size": [10, 10] });
    for rule in ["singletons", "empty", "small"] {
        assert_eq!(severity(found(rule, json!({}), full.clone())), None, "{rule}");
    }
}

#[test]
fn a_few_large_clusters_are_uneven() {
    let mut sizes = vec![10_u64; 20];
    assert_eq!(severity(found("uneven", json!({}), json!({ "size": sizes }))), None);
    (sizes[3], sizes[4]) = (150, 100);
    assert_eq!(severity(found("uneven", json!({}), json!({ "size": sizes }))), Some(Severity::Note));
    (sizes[3], sizes[4]) = (1_500, 1_000);
    assert_eq!(severity(found("uneven", json!({}), json!({ "size": sizes }))), Some(Severity::Warning));
    assert_eq!(
        severity(found("uneven", json!({}), json!({ "size": [1000, 1, 1] }))),
        None,
        "too few to speak of tenths"
    );
}

#[test]
fn groups_by_chance_are_severe() {
    let of = |ratio: f64| found("chance", json!({ "calinski_harabasz": ratio }), json!({ "size": [10, 10] }));
    assert_eq!((severity(of(1.02)), severity(of(1.5)), severity(of(300.0))), (Some(Severity::Severe), None, None));
    assert_eq!(severity(found("chance", json!({ "calinski_harabasz": null }), json!({ "size": [10, 10] }))), None);
}

#[test]
fn silhouettes_are_negative_overlapping_or_well_apart() {
    let of = |rule: &str, figures: Value| severity(found(rule, figures, json!({ "size": [10, 10] })));
    let exact = |mean: f64| json!({ "silhouette": mean, "simplified_silhouette": 0.9 });
    assert_eq!(of("negative_silhouette", exact(-0.1)), Some(Severity::Severe), "the exact one counts");
    assert_eq!(of("negative_silhouette", json!({ "simplified_silhouette": -0.1 })), Some(Severity::Severe));
    assert_eq!(of("negative_silhouette", exact(0.0)), None);
    assert_eq!(of("negative_silhouette", json!({})), None);
    let grades = [-0.1, 0.1, 0.3, 0.5].map(|mean| of("separation", exact(mean)));
    assert_eq!(grades, [None, Some(Severity::Note), None, Some(Severity::Good)]);
    assert_eq!(
        severity(found("separation", json!({}), json!({ "size": [10] }))),
        Some(Severity::Warning),
        "one cluster"
    );
}

#[test]
fn ranked_clusters_with_negative_silhouettes_are_found() {
    let of = |sizes: &[u64], values: &[f64]| {
        found("misplaced_clusters", json!({ "silhouette": 0.2 }), json!({ "size": sizes, "silhouette": values }))
    };
    let some = of(&[100, 30, 9], &[0.4, -0.1, -0.5]).expect("found");
    assert_eq!((some.severity, some.value), (Severity::Warning, 1.0), "the third is too small to rank");
    assert_eq!(some.clusters.expect("shown").filter, "silhouette < 0 and size >= 10");
    assert_eq!(severity(of(&[100, 100], &[0.4, -0.1])), Some(Severity::Severe));
    assert_eq!(severity(of(&[1_000, 10], &[0.4, -0.1])), Some(Severity::Note));
    assert_eq!(severity(of(&[100, 100], &[0.4, 0.0])), None);
}

#[test]
fn misassigned_points_matter_by_their_share_and_level() {
    let on = |number: u32, count: u64| {
        let level = level(number, json!({ "misassigned": count }), json!({ "size": [500, 500] }));
        of_record("misassigned", &record(vec![level]))
    };
    let grades = [0, 1, 10, 500].map(|count| severity(on(1, count)));
    assert_eq!(grades, [Severity::Good, Severity::Note, Severity::Warning, Severity::Severe].map(Some));
    let grades = [49, 50, 136].map(|count| severity(on(2, count)));
    assert_eq!(grades, [Severity::Note, Severity::Warning, Severity::Warning].map(Some));
    let sentence = on(2, 136).expect("found").sentence;
    assert_eq!(sentence, "14 % of the points on level 2 are nearer to another centroid than to their own.");
    assert!(on(1, 10).expect("found").suggestion.expect("one").contains("clustrata assign"));
    assert_eq!(severity(found("misassigned", json!({}), json!({ "size": [5, 5] }))), None, "not computed");
}

#[test]
fn centroids_that_coincide_are_counted() {
    let of = |distances: Value| {
        severity(found("coinciding", json!({}), json!({ "size": [10, 10, 0], "nearest_distance": distances })))
    };
    assert_eq!(of(json!([0.0, 0.0, null])), Some(Severity::Warning));
    assert_eq!(of(json!([0.5, 0.5, 0.0])), None, "an empty cluster has no points to share");
}

#[test]
fn a_level_that_repeats_the_one_above_hardly_refines_it() {
    let of = |shares: Value| {
        severity(found("hardly_refines", json!({}), json!({ "size": [60, 20, 20], "parent_points_share": shares })))
    };
    assert_eq!(of(json!([1.0, 0.5, 0.5])), Some(Severity::Warning));
    assert_eq!(of(json!([0.9, 0.5, 0.5])), None);
    assert_eq!(of(json!([null, null, null])), None, "no level above");
}

#[test]
fn clusters_that_mix_labels_are_found_unless_they_must() {
    let of = |sizes: &[u64], purity: Value, majority: Value| {
        found("mixed_classes", json!({}), json!({ "size": sizes, "purity": purity, "majority_label": majority }))
    };
    let mixed = of(&[100, 100], json!([0.5, 0.5]), json!(["cat", "dog"])).expect("found");
    assert_eq!((mixed.severity, mixed.value), (Severity::Severe, 2.0));
    assert!(mixed.sentence.starts_with("All 2 clusters of level 1 mix classes, with 100 % of the points"), "{mixed:?}");
    let sizes = [800, 100, 100];
    let labels = || json!(["cat", "dog", "owl"]);
    assert_eq!(severity(of(&sizes, json!([0.9, 0.5, 0.9]), labels())), Some(Severity::Warning));
    assert_eq!(severity(of(&sizes, json!([0.9, 0.6, 0.9]), labels())), None);
    assert_eq!(severity(of(&[100, 9], json!([0.9, 0.5]), json!(["cat", "dog"]))), None, "too small to rank");
    assert_eq!(severity(of(&[100, 100], json!([0.5, 0.5]), json!([3, 7]))), Some(Severity::Severe), "integer labels");
    // two clusters for three labels
    let below = json!({ "size": [70, 70, 60], "purity": [1.0, 1.0, 1.0], "majority_label": labels() });
    let above = json!({ "size": [140, 60], "purity": [0.5, 1.0], "majority_label": ["cat", "owl"] });
    let mixed = of_record("mixed_classes", &record(vec![level(1, json!({}), below), level(2, json!({}), above)]));
    let mixed = mixed.expect("found");
    assert_eq!(mixed.severity, Severity::Note);
    assert!(
        mixed.sentence.ends_with("Level 2 has 2 clusters for at least 3 classes, so some must mix them."),
        "{mixed:?}"
    );
}

#[test]
fn purity_is_praised_only_where_clusters_are_large() {
    let of = |sizes: &[u64]| severity(found("pure", json!({ "purity": 0.95 }), json!({ "size": sizes })));
    assert_eq!((of(&[50, 50]), of(&[2, 2, 2])), (Some(Severity::Good), None));
    assert_eq!(severity(found("pure", json!({ "purity": 0.85 }), json!({ "size": [50, 50] }))), None);
}

#[test]
fn k_means_that_ended_early_are_found() {
    let of = |steps: Value| {
        let mut record = record(vec![level(1, json!({}), json!({ "size": [10, 10] }))]);
        let made = json!({ "format": 1, "version": "0", "command": [], "started": "", "complete": true, "agreement": "",
                           "device": "cpu", "processes": 1, "settings": {}, "embeddings": [], "rows": 20, "dim": 2,
                           "subset": null, "steps": steps, "warnings": [] });
        record.kmeans = Some(serde_json::from_value(made).expect("a record of k-means"));
        of_record("still_falling", &record)
    };
    let step = |step: u32, objectives: &[f64], converged: bool| {
        json!({ "level": 1, "step": step, "points": 20, "fitted": 20, "clusters": 2, "empty_clusters": 0,
                "objectives": objectives, "moved": [], "converged": converged, "mean_squared_distance": 1.0,
                "seconds": [0.0, 0.0, 0.0] })
    };
    let early = of(json!([step(0, &[2.0, 1.0, 0.98], false)])).expect("found");
    assert_eq!(early.severity, Severity::Warning);
    assert!(early.sentence.contains("fell by 2.0 % in the last of 3 iterations"), "{early:?}");
    assert_eq!(severity(of(json!([step(0, &[1.0, 0.998], false)]))), Some(Severity::Note));
    assert_eq!(severity(of(json!([step(0, &[1.0, 0.9995], false)]))), None);
    assert_eq!(severity(of(json!([step(0, &[2.0, 1.0], true)]))), None, "converged");
    assert_eq!(severity(of(json!([step(0, &[2.0, 1.0], false), step(1, &[2.0, 1.0], true)]))), None, "in a later step");
    assert_eq!(severity(of(json!([step(0, &[1.0], false)]))), None, "one iteration has no fall");
}

#[test]
fn rows_without_a_cluster_are_counted_unless_a_subset_was_clustered() {
    let made = |rows: u64| {
        let mut record = record(vec![level(1, json!({}), json!({ "size": [50, 50] }))]);
        record.inputs.rows = rows;
        of_record("uncovered", &record)
    };
    assert_eq!(severity(made(100)), None);
    assert_eq!(severity(made(101)), Some(Severity::Note));
    assert_eq!(made(200).map(|found| (found.severity, found.value)), Some((Severity::Warning, 100.0)));
}

#[test]
fn the_most_severe_come_first_and_a_perfect_clustering_has_only_good_ones() {
    let figures = |misassigned: u64, silhouette: f64| json!({ "misassigned": misassigned, "silhouette": silhouette, "calinski_harabasz": 5000.0, "purity": 1.0 });
    let clusters = json!({ "size": [100, 100, 100], "silhouette": [0.8, 0.9, 0.8], "purity": [1.0, 1.0, 1.0],
                           "majority_label": ["a", "b", "c"], "nearest_distance": [4.0, 4.0, 5.0] });
    let perfect = of(&record(vec![level(1, figures(0, 0.83), clusters.clone())]));
    assert_eq!(perfect.iter().map(|finding| finding.severity).collect::<Vec<_>>(), [Severity::Good; 3], "{perfect:?}");
    let bad = of(&record(vec![level(1, figures(10, -0.2), clusters)]));
    assert!(bad.is_sorted_by_key(|finding| finding.severity) && bad[0].rule == "negative_silhouette", "{bad:?}");
    assert!(bad.iter().all(|finding| finding.sentence.ends_with('.') && !finding.sentence.contains("  ")), "{bad:?}");
}

#[test]
fn old_records_get_their_findings() {
    let made = record(vec![level(1, json!({}), json!({ "size": [10, 90] }))]);
    assert!(made.findings.is_none());
    assert_eq!(known(&made)[0].rule, "collapsed");
}

#[test]
fn the_documentation_lists_every_rule_as_it_is() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/findings.md")).expect("the page");
    let (page, _) = page.split_once("## In scripts").expect("the next section");
    let listed: Vec<String> = page.lines().filter(|line| line.starts_with("| `")).map(str::to_owned).collect();
    let rules: Vec<String> = RULES.iter().map(|rule| format!("| `{}` | {} |", rule.name, rule.condition)).collect();
    assert_eq!(listed, rules, "docs/findings.md must have these lines:\n{}", rules.join("\n"));
}
