//! Which images of which clusters a page shows, in the order of their importance.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::metrics::Better;
use crate::plan::record::{Level, RunRecord, Samples};

/// What is shown of a cluster, in rounds: this many of the closest and of the farthest members. The last round shows all.
const ROUNDS: [(usize, usize); 3] = [(4, 2), (8, 4), (usize::MAX, usize::MAX)];

/// The rows of the first rounds of all clusters, and then all others. Each comes once. Within a round the worst clusters come
/// first, in turns: the worst of every level from the top down, the second worst of every level, and so on.
pub(super) fn in_order(record: &RunRecord) -> (Vec<u64>, Vec<u64>) {
    let orders: Vec<Vec<usize>> = record.levels.iter().map(|level| places(record, level)).collect();
    let most = orders.iter().map(Vec::len).max().unwrap_or(0);
    let mut seen = BTreeSet::new();
    let [mut first, mut rest] = [Vec::new(), Vec::new()];
    for (round, &(closest, farthest)) in ROUNDS.iter().enumerate() {
        for turn in 0..most {
            for (level, order) in record.levels.iter().zip(&orders).rev() {
                let Some(&place) = order.get(turn) else { continue };
                let rows = level.samples.rows[place].iter().take(closest);
                let rows = rows.chain(level.samples.farthest_of(place).iter().take(farthest));
                let target = if round + 1 < ROUNDS.len() { &mut first } else { &mut rest };
                target.extend(rows.filter(|row| seen.insert(**row)));
            }
        }
    }
    (first, rest)
}

/// The rows that have an image and are points on the map: those of the t-SNE map, which is shown first, before the others. A row
/// may come twice.
pub(super) fn on_map(record: &RunRecord) -> impl Iterator<Item = u64> {
    let map = record.map.as_ref().filter(|_| record.images.is_some());
    let near = map.and_then(|map| map.tsne.as_ref());
    let rows = near.map(|near| &near.points.rows).into_iter().chain(map.map(|map| &map.points.rows));
    rows.flatten().copied()
}

/// The rows on the map, each once, that are not among `others`.
pub(super) fn only_on_map(record: &RunRecord, others: &[&[u64]]) -> Vec<u64> {
    let mut seen: BTreeSet<u64> = others.iter().copied().flatten().copied().collect();
    on_map(record).filter(|row| seen.insert(*row)).collect()
}

/// Places in the samples of a level, those of the worst clusters first.
fn places(record: &RunRecord, level: &Level) -> Vec<usize> {
    let info = record.metrics.iter().find(|info| info.name == level.ranking.by);
    let better = info.map_or(Better::Neither, |info| info.better);
    let clusters = &level.samples.clusters;
    let order = level.worst_first(clusters, better).into_iter();
    order.filter_map(|cluster| clusters.binary_search(&cluster).ok()).collect()
}

/// The samples of a level whose rows are `shown`, as JSON for the page, with the number of clusters that have any there, in
/// the record, and in all.
pub(super) fn samples(level: &Level, shown: &dyn Fn(u64) -> bool) -> Value {
    let all = &level.samples;
    let mut kept = Samples::default();
    // how many were chosen of each cluster
    let mut chosen = Vec::new();
    for (place, &cluster) in all.clusters.iter().enumerate() {
        let (rows, distances) = kept_of(&all.rows[place], all.distances.get(place), shown);
        let (farthest, far) = kept_of(all.farthest_of(place), all.farthest_distances.get(place), shown);
        if rows.is_empty() && farthest.is_empty() {
            continue;
        }
        chosen.push(all.rows[place].len() + all.farthest_of(place).len());
        kept.clusters.push(cluster);
        kept.rows.push(rows);
        kept.farthest.push(farthest);
        kept.distances.push(distances);
        kept.farthest_distances.push(far);
    }
    json!({
        "level": level.level,
        "clusters": kept.clusters,
        "rows": kept.rows,
        "distances": kept.distances,
        "farthest": kept.farthest,
        "farthest_distances": kept.farthest_distances,
        "has_distances": !all.distances.is_empty(),
        "chosen": chosen,
        "here": kept.clusters.len(),
        "recorded": all.clusters.len(),
        "non_empty": level.non_empty(),
    })
}

/// The rows that are shown, and their distances if they are known.
fn kept_of(
    rows: &[u64],
    distances: Option<&Vec<Option<f32>>>,
    shown: &dyn Fn(u64) -> bool,
) -> (Vec<u64>, Vec<Option<f32>>) {
    let there = || (0..rows.len()).filter(|&at| shown(rows[at]));
    let distance = |at: usize| distances.and_then(|all| all.get(at).copied()).flatten();
    (
        there().map(|at| rows[at]).collect(),
        if distances.is_some() { there().map(distance).collect() } else { Vec::new() },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::record::order::tests::level;

    fn sampled() -> Level {
        let mut level = level(1, &[9, 9], &[0.5, 0.1], &[1], &[0]);
        level.samples = Samples {
            clusters: vec![0, 1],
            rows: vec![vec![4, 5], vec![8]],
            distances: vec![vec![Some(0.5), None], vec![Some(1.0)]],
            farthest: vec![vec![1], vec![]],
            farthest_distances: vec![vec![Some(2.0)], vec![]],
        };
        level
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let shown = samples(&sampled(), &|row| row == 5 || row == 1);
        assert_eq!(
            (&shown["clusters"], &shown["rows"], &shown["farthest"]),
            (&json!([0]), &json!([[5]]), &json!([[1]]))
        );
        assert_eq!((&shown["distances"], &shown["farthest_distances"]), (&json!([[null]]), &json!([[2.0]])));
        assert_eq!([&shown["chosen"][0], &shown["here"], &shown["recorded"], &shown["non_empty"]], [3, 1, 2, 2]);
    }

    #[test]
    fn a_record_without_distances_has_none_in_the_page() {
        let mut level = sampled();
        level.samples = Samples { clusters: vec![0, 1], rows: level.samples.rows, ..Samples::default() };
        let shown = samples(&level, &|_| true);
        assert_eq!((&shown["distances"], &shown["farthest"]), (&json!([[], []]), &json!([[], []])));
        assert_eq!(shown["has_distances"], false);
    }
}
