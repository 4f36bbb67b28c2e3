//! Which clusters are the same in both runs, and which of them got better.
//!
//! Where the runs are of one clustering, cluster c is cluster c. Otherwise two clusters are the same where they have more
//! than half of the points of both together in common (Jaccard index above 1/2): a cluster has one such partner at most.

use serde::Serialize;

use super::{Outcome, Relation, Shown};
use crate::base::numeric::as_real;
use crate::metrics::agreement::Contingency;
use crate::plan::record::Level;

/// The clusters of a level that changed most.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClusterChanges {
    /// The figure that they are held against each other by.
    pub by: String,
    /// How many clusters of A have a partner in B.
    pub matched: usize,
    /// How many clusters A has, without the empty ones.
    pub of_a: u64,
    /// How many B has.
    pub of_b: u64,
    /// Those that got better, the largest change first.
    pub improved: Vec<ClusterChange>,
    /// Those that got worse, the largest change first.
    pub worsened: Vec<ClusterChange>,
}

/// A cluster in both runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClusterChange {
    /// Its number in A.
    pub cluster_a: u64,
    /// Its number in B.
    pub cluster_b: u64,
    /// Points that both have in common, over the points of both together.
    pub jaccard: f64,
    /// The figure in A.
    pub a: f64,
    /// The figure in B.
    pub b: f64,
    /// b - a
    pub difference: f64,
}

/// Two clusters that are the same.
struct Match {
    a: u64,
    b: u64,
    jaccard: f64,
}

/// What changed most by the figure that is `shown`; none where nothing is known of the clusters.
pub(super) fn changes(a: &Level, b: &Level, relation: &Relation, shown: Shown) -> Option<ClusterChanges> {
    let matches: Vec<Match> = match relation {
        Relation::Unknown => return None,
        Relation::Same => occupied(a).map(|cluster| Match { a: cluster, b: cluster, jaccard: 1.0 }).collect(),
        Relation::Table(table) => partners(table),
    };
    let by = shown.by.name();
    let change = |found: &Match| {
        let (of_a, of_b) = (a.cluster_figure(by, found.a)?, b.cluster_figure(by, found.b)?);
        let difference = of_b - of_a;
        Some(ClusterChange {
            cluster_a: found.a,
            cluster_b: found.b,
            jaccard: found.jaccard,
            a: of_a,
            b: of_b,
            difference,
        })
    };
    let mut changes: Vec<ClusterChange> = matches.iter().filter_map(change).collect();
    // stable, so that ties stay in the order of A's numbers
    changes.sort_by(|x, y| y.difference.abs().total_cmp(&x.difference.abs()));
    let most = |wanted: Outcome| {
        let is = |change: &&ClusterChange| Outcome::of(shown.by.better(), change.difference) == Some(wanted);
        changes.iter().filter(is).take(shown.top).cloned().collect()
    };
    Some(ClusterChanges {
        by: by.to_owned(),
        matched: matches.len(),
        of_a: occupied(a).count() as u64,
        of_b: occupied(b).count() as u64,
        improved: most(Outcome::Better),
        worsened: most(Outcome::Worse),
    })
}

/// The clusters that have points.
fn occupied(level: &Level) -> impl Iterator<Item = u64> {
    (0..level.len() as u64).filter(|&cluster| level.cluster_figure("size", cluster) > Some(0.0))
}

/// Clusters with more than half of their points in common, in the order of the rows.
fn partners(table: &Contingency) -> Vec<Match> {
    let partner = |(a, row): (u64, &crate::metrics::agreement::Row)| {
        let b = row.majority?;
        // more than half of both together is more than half of the row, so that it can only be the largest cell
        let both = row.points + table.columns[b as usize] - row.most;
        (2 * row.most > both).then(|| Match { a, b: b.into(), jaccard: as_real(row.most) / as_real(both) })
    };
    (0..).zip(&table.rows).filter_map(partner).collect()
}
