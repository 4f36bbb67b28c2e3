//! Counts of points and clusters.

use super::{Better, Column, LevelStatistics, Metric, Scalar};

/// n: the points assigned to a cluster of the level.
pub(super) struct Points;

impl Metric for Points {
    fn name(&self) -> &'static str {
        "points"
    }
    fn summary(&self) -> &'static str {
        "points assigned to a cluster"
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

/// k: the number of clusters of the level, empty ones included.
pub(super) struct Clusters;

impl Metric for Clusters {
    fn name(&self) -> &'static str {
        "clusters"
    }
    fn summary(&self) -> &'static str {
        "number of clusters, empty ones included"
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

/// k - K: the number of clusters without points. Above level 1, such a cluster may still have children.
pub(super) struct EmptyClusters;

impl Metric for EmptyClusters {
    fn name(&self) -> &'static str {
        "empty_clusters"
    }
    fn summary(&self) -> &'static str {
        "number of clusters without points"
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

/// n_c: the number of points in the cluster.
pub(super) struct Size;

impl Metric for Size {
    fn name(&self) -> &'static str {
        "size"
    }
    fn summary(&self) -> &'static str {
        "number of points in the cluster"
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
