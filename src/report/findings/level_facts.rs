//! What the rules read of a level.

use super::words::grouped;
use crate::base::numeric::as_real;
use crate::metrics::{Column, Severity};
use crate::plan::record::{ClusteringFinding, ClustersShown, Level, RunRecord};

/// Most clusters whose numbers a sentence has.
const NAMED: usize = 5;

/// A level and what it is part of.
#[derive(Clone, Copy)]
pub(super) struct LevelFacts<'a> {
    pub(super) level: &'a Level,
    pub(super) record: &'a RunRecord,
}

/// Applies a rule to every level.
pub(super) fn per_level(
    record: &RunRecord,
    rule: fn(LevelFacts<'_>) -> Option<ClusteringFinding>,
) -> Vec<ClusteringFinding> {
    record.levels.iter().filter_map(|level| rule(LevelFacts { level, record })).collect()
}

impl<'a> LevelFacts<'a> {
    /// 1-based number.
    pub(super) fn number(self) -> u32 {
        self.level.level
    }

    /// A per-level metric; `None` if it is undefined or was not computed.
    pub(super) fn figure(self, name: &str) -> Option<f64> {
        self.level.figures.get(name)?.as_f64().filter(|value| !value.is_nan())
    }

    /// A per-cluster metric.
    pub(super) fn column(self, name: &str) -> Option<&'a Column> {
        self.level.clusters.get(name)
    }

    /// Number of points of a cluster.
    pub(super) fn size(self, cluster: usize) -> u64 {
        match self.column("size") {
            Some(Column::Count(sizes)) => sizes.get(cluster).copied().unwrap_or(0),
            _ => 0,
        }
    }

    /// The non-empty clusters.
    pub(super) fn clusters(self) -> impl Iterator<Item = usize> + 'a {
        (0..self.level.len()).filter(move |&cluster| self.size(cluster) > 0)
    }

    /// Number of non-empty clusters, K.
    pub(super) fn count(self) -> u64 {
        self.clusters().count() as u64
    }

    /// Number of points.
    pub(super) fn points(self) -> u64 {
        self.clusters().map(|cluster| self.size(cluster)).sum()
    }

    /// Number and points of the non-empty clusters that meet a condition.
    pub(super) fn which(self, condition: impl Fn(usize) -> bool) -> (u64, u64) {
        let met = self.clusters().filter(|&cluster| condition(cluster));
        met.fold((0, 0), |(clusters, points), cluster| (clusters + 1, points + self.size(cluster)))
    }

    /// `2 of 15 clusters of level 3 (4 and 11)`: some of the non-empty clusters, with their numbers if these are few.
    pub(super) fn some(self, condition: impl Fn(usize) -> bool) -> String {
        let met: Vec<usize> = self.clusters().filter(|&cluster| condition(cluster)).collect();
        let (some, all) = (met.len() as u64, self.level.len() as u64);
        if all == 1 {
            return format!("the only cluster of level {}", self.number());
        }
        let how_many = if some == all {
            format!("all {}", grouped(all))
        } else {
            format!("{} of {}", grouped(some), grouped(all))
        };
        let numbers: Vec<String> = met.iter().map(usize::to_string).collect();
        let numbers =
            if numbers.len() > NAMED || some == all { String::new() } else { format!(" ({})", listed(&numbers)) };
        format!("{how_many} clusters of level {}{numbers}", self.number())
    }

    /// A share of the level's points.
    pub(super) fn share(self, points: u64) -> f64 {
        as_real(points) / as_real(self.points().max(1))
    }

    /// Whether a cluster has enough points to be ranked.
    pub(super) fn is_ranked(self, cluster: usize) -> bool {
        self.size(cluster) >= self.level.ranking.min_size.max(1)
    }

    /// A finding about the level.
    pub(super) fn finding(self, severity: Severity, value: f64, sentence: String) -> ClusteringFinding {
        ClusteringFinding::new(severity, Some(self.number()), value, sentence)
    }

    /// The clusters that a filter of the report's table selects, in an order.
    pub(super) fn shown(self, filter: impl Into<String>, sort: &str) -> ClustersShown {
        let (level, filter, sort) = (self.number(), filter.into(), sort.to_owned());
        ClustersShown { level, cluster: None, filter, sort }
    }

    /// One cluster.
    pub(super) fn one(self, cluster: usize) -> ClustersShown {
        ClustersShown { level: self.number(), cluster: Some(cluster as u64), ..ClustersShown::default() }
    }
}

/// `4`, `4 and 11`, `4, 11 and 12`.
fn listed(numbers: &[String]) -> String {
    match numbers {
        [rest @ .., last] if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => numbers.concat(),
    }
}

/// The first severity whose bound `value` reaches; `None` if it reaches none.
pub(super) fn reached(value: f64, bounds: &[(f64, Severity)]) -> Option<Severity> {
    bounds.iter().find(|(bound, _)| value >= *bound).map(|(_, severity)| *severity)
}
