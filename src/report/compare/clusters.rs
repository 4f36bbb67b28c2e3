//! Which clusters match, and which of them improved.
//!
//! If both runs read the same clustering, cluster c matches cluster c. Otherwise two clusters match if they share more than
//! half of the points of both together (Jaccard index above 1/2), so a cluster has at most one match.

use serde::Serialize;

use super::metric_changes::Outcome;
use super::noise;
use super::relation::Relation;
use crate::base::numeric::as_real;
use crate::metrics::Metric;
use crate::metrics::agreement::{Contingency, Row};
use crate::plan::record::Level;

/// Which clusters to list.
#[derive(Clone, Copy)]
pub struct ClusterSelection {
    /// A metric of clusters of which one direction is better.
    pub by: &'static dyn Metric,
    /// Most clusters listed as improved, and as worsened.
    pub top: usize,
}

/// The clusters of a level that changed most.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClusterChanges {
    /// The metric that they are compared by.
    pub by: String,
    /// How many clusters of A match one of B.
    pub matched: usize,
    /// Number of non-empty clusters in A.
    pub of_a: u64,
    /// Number of non-empty clusters in B.
    pub of_b: u64,
    /// Improved clusters, largest change first.
    pub improved: Vec<ClusterChange>,
    /// Worsened clusters, largest change first.
    pub worsened: Vec<ClusterChange>,
}

/// A pair of matching clusters.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClusterChange {
    /// Its number in A.
    pub cluster_a: u64,
    /// Its number in B.
    pub cluster_b: u64,
    /// Jaccard index: shared points over the points of both together.
    pub jaccard: f64,
    /// The metric in A.
    pub a: f64,
    /// The metric in B.
    pub b: f64,
    /// b - a
    pub difference: f64,
}

/// Two matching clusters.
struct Match {
    a: u64,
    b: u64,
    jaccard: f64,
}

/// The clusters that changed most; `None` if it is not known which clusters match.
pub(super) fn changes(
    a: &Level,
    b: &Level,
    relation: &Relation,
    selection: ClusterSelection,
) -> Option<ClusterChanges> {
    let matches: Vec<Match> = match relation {
        Relation::Unknown => return None,
        Relation::Same => occupied(a).map(|cluster| Match { a: cluster, b: cluster, jaccard: 1.0 }).collect(),
        Relation::Table(table) => matching(table),
    };
    let by = selection.by.name();
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
    // stable: ties stay in the order of A
    changes.sort_by(|x, y| y.difference.abs().total_cmp(&x.difference.abs()));
    let most = |wanted: Outcome| {
        let outcome = |change: &ClusterChange| {
            let noise = noise::of_clusters(selection.by, a, change.a, change.b);
            Outcome::of(selection.by.better(), change.difference, noise)
        };
        let is = |change: &&ClusterChange| outcome(change) == Some(wanted);
        changes.iter().filter(is).take(selection.top).cloned().collect()
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

/// The non-empty clusters.
fn occupied(level: &Level) -> impl Iterator<Item = u64> {
    (0..level.len() as u64).filter(|&cluster| level.cluster_figure("size", cluster) > Some(0.0))
}

/// Clusters that share more than half of their points, in the order of the rows.
fn matching(table: &Contingency) -> Vec<Match> {
    let find = |(a, row): (u64, &Row)| {
        let b = row.majority?;
        // more than half of both together is more than half of the row, so only the largest cell can qualify
        let both = row.points + table.columns[b as usize] - row.most;
        (2 * row.most > both).then(|| Match { a, b: b.into(), jaccard: as_real(row.most) / as_real(both) })
    };
    (0..).zip(&table.rows).filter_map(find).collect()
}
