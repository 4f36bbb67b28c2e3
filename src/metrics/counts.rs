//! Counts of points and clusters.

use super::{Better, Column, LevelStatistics, Metric, Scalar};

/// n: the points that have a label on the level.
pub(super) struct Points;

impl Metric for Points {
    fn name(&self) -> &'static str {
        "points"
    }
    fn summary(&self) -> &'static str {
        "points that have a label"
    }
    fn better(&self) -> Better {
        Better::Neither
    }
    fn always(&self) -> bool {
        true
    }
    fn level(&self, level: &LevelStatistics) -> Option<Scalar> {
        Some(Scalar::Count(level.points()))
    }
}

/// k: the clusters of the level, empty ones included.
pub(super) struct Clusters;

impl Metric for Clusters {
    fn name(&self) -> &'static str {
        "clusters"
    }
    fn summary(&self) -> &'static str {
        "clusters, empty ones included"
    }
    fn better(&self) -> Better {
        Better::Neither
    }
    fn always(&self) -> bool {
        true
    }
    fn level(&self, level: &LevelStatistics) -> Option<Scalar> {
        Some(Scalar::Count(level.clusters.len() as u64))
    }
}

/// k - K: the clusters without a point. Above level 1 such a cluster can have children and yet no points.
pub(super) struct EmptyClusters;

impl Metric for EmptyClusters {
    fn name(&self) -> &'static str {
        "empty_clusters"
    }
    fn summary(&self) -> &'static str {
        "clusters without a point"
    }
    fn better(&self) -> Better {
        Better::Lower
    }
    fn always(&self) -> bool {
        true
    }
    fn level(&self, level: &LevelStatistics) -> Option<Scalar> {
        Some(Scalar::Count(level.clusters.iter().filter(|c| c.size == 0).count() as u64))
    }
}

/// n_c: the points of a cluster.
pub(super) struct Size;

impl Metric for Size {
    fn name(&self) -> &'static str {
        "size"
    }
    fn summary(&self) -> &'static str {
        "points of the cluster"
    }
    fn better(&self) -> Better {
        Better::Neither
    }
    fn always(&self) -> bool {
        true
    }
    fn clusters(&self, level: &LevelStatistics) -> Option<Column> {
        Some(Column::Count(level.clusters.iter().map(|c| c.size).collect()))
    }
}
