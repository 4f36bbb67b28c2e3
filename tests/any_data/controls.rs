//! What the comparison has to notice.

use serde_json::{Value, json};

use crate::compare::compare;
use crate::data::{Set, draw};
use crate::definition::Definition;
use crate::judge::Ready;
use crate::kmeans::wrong_assignment;
use crate::points::{self, NoProgress, devices, fit};

/// An ordinary set of two clusters or more, whose rows differ.
fn ordinary() -> Set {
    let sets = (0..).step_by(crate::data::KINDS.len()).map(draw);
    let large = |set: &Set| {
        let level = &set.clustering.levels[0].0;
        set.clustering.points.len() > 60 && level.iter().filter(|members| members.len() > 3).count() > 2
    };
    sets.take(200).find(large).expect("one of them")
}

fn judged(set: &Set) -> Value {
    let (_, cpu) = devices().remove(0);
    Ready::of(set).and_then(|ready| ready.judged_on(cpu.as_ref())).expect("judged").swap_remove(0)
}

#[test]
fn a_metric_that_is_off_by_three_in_a_hundred_thousand_is_noticed() {
    let set = ordinary();
    let (level, definition) = (judged(&set), Definition::of(&set.clustering, 0));
    let said: Vec<String> = compare(&level, &definition).into_iter().map(|wrong| wrong.metric).collect();
    assert!(said.is_empty(), "{said:?}");
    for (name, _) in &definition.level {
        let mut off = level.clone();
        let value = off["figures"][name].as_f64().expect("defined here");
        let least = if name.contains("silhouette") || *name == "explained_variance" { 0.2 } else { 0.0 };
        let by = 3e-5 * value.abs().max(least);
        off["figures"][name] = json!(if by == 0.0 { 1.0 } else { value + by });
        assert!(compare(&off, &definition).iter().any(|wrong| wrong.metric == *name), "{name}");
        off["figures"][name] = Value::Null;
        assert!(compare(&off, &definition).iter().any(|wrong| wrong.metric == *name), "{name} as null");
    }
    let cluster = set.clustering.levels[0].0.iter().position(|members| members.len() > 3).expect("a cluster");
    for (name, _) in &definition.clusters {
        let mut off = level.clone();
        let value = off["clusters"][name][cluster].as_f64().expect("defined here");
        let least = if name.contains("silhouette") { 0.2 } else { 0.0 };
        let by = 3e-5 * value.abs().max(least);
        off["clusters"][name][cluster] = json!(if by == 0.0 { 1.0 } else { value + by });
        let metric = format!("clusters.{name}");
        assert!(compare(&off, &definition).iter().any(|wrong| wrong.metric == metric), "{metric}");
    }
}

#[test]
fn a_swapped_label_is_noticed() {
    let set = ordinary();
    let level = judged(&set);
    let mut swapped = set.clustering.clone();
    let members = &mut swapped.levels[0].0;
    let large: Vec<usize> = (0..members.len()).filter(|&cluster| members[cluster].len() > 3).collect();
    let (a, b) = (members[large[0]][1], members[large[1]][1]);
    (members[large[0]][1], members[large[1]][1]) = (b, a);
    let noticed: Vec<String> = compare(&level, &Definition::of(&swapped, 0)).into_iter().map(|w| w.metric).collect();
    for metric in ["inertia", "silhouette", "explained_variance", "clusters.mean_distance"] {
        assert!(noticed.iter().any(|name| name == metric), "{metric}: {noticed:?}");
    }
}

#[test]
fn a_row_in_another_cluster_than_its_nearest_is_noticed() {
    let (_, cpu) = devices().remove(0);
    let stored = points::Stored::groups(3, (90, 4), 3, 0.0, clustrata::base::matrix::Dtype::F32);
    let centroids = fit(&stored, cpu.as_ref(), 3, 20).run().expect("clusters").centroids;
    let mut assigned = clustrata::kmeans::assign(&stored, cpu.as_ref(), &centroids, &NoProgress).expect("assigns");
    let rows: Vec<Vec<f64>> = (0..90).map(|row| stored.row(row).to_vec()).collect();
    let centroids = points::rows(&centroids);
    assert_eq!(wrong_assignment(&rows, &centroids, &assigned), None);
    let other = assigned.labels.iter().position(|&label| label != assigned.labels[0]).expect("another cluster");
    assigned.labels.swap(0, other);
    assert!(wrong_assignment(&rows, &centroids, &assigned).is_some());
}
