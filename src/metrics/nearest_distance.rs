//! Distance to the nearest other cluster.

use super::{Better, Column, LevelStatistics, Metric, Need, Unit};

/// Distance between the stored centroids of the cluster and of its `nearest_cluster`. Undefined for an empty cluster,
/// and if there is no other. Unit: the embedding's.
pub(super) struct NearestDistance;

impl Metric for NearestDistance {
    fn name(&self) -> &'static str {
        "nearest_distance"
    }
    fn summary(&self) -> &'static str {
        "distance to the nearest other stored centroid"
    }
    fn unit(&self) -> Unit {
        Unit::Distance
    }
    fn better(&self) -> Better {
        Better::Higher
    }
    fn needs(&self) -> &'static [Need] {
        &[Need::Neighbours]
    }
    fn clusters(&self, level: &LevelStatistics) -> Option<Column> {
        let neighbours = level.neighbours.as_ref()?;
        Some(Column::Real(neighbours.iter().map(|n| n.distance).collect()))
    }
}
