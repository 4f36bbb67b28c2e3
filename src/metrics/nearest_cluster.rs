//! The nearest other cluster.

use super::{Better, Column, LevelStatistics, Metric, Need};

/// The non-empty cluster whose stored centroid is nearest to that of this cluster; on a tie, the lower index.
/// Undefined for an empty cluster, and if there is no other.
pub(super) struct NearestCluster;

impl Metric for NearestCluster {
    fn name(&self) -> &'static str {
        "nearest_cluster"
    }
    fn summary(&self) -> &'static str {
        "index of the cluster with the nearest stored centroid"
    }
    fn better(&self) -> Better {
        Better::Neither
    }
    fn needs(&self) -> &'static [Need] {
        &[Need::Neighbours]
    }
    fn clusters(&self, level: &LevelStatistics) -> Option<Column> {
        let neighbours = level.neighbours.as_ref()?;
        Some(Column::Index(neighbours.iter().map(|n| n.nearest).collect()))
    }
}
