//! Largest distance.

use super::{Better, Column, LevelStatistics, Metric, Unit, of_nonempty};

/// Max over the points of ||x - m_c||: the radius of the cluster around its stored centroid. Undefined for an empty
/// cluster. Unit: the embedding's.
pub(super) struct MaxDistance;

impl Metric for MaxDistance {
    fn name(&self) -> &'static str {
        "max_distance"
    }
    fn summary(&self) -> &'static str {
        "largest distance to the stored centroid"
    }
    fn unit(&self) -> Unit {
        Unit::Distance
    }
    fn better(&self) -> Better {
        Better::Lower
    }
    fn clusters(&self, level: &LevelStatistics) -> Option<Column> {
        Some(of_nonempty(level, |c| c.max_squared.sqrt()))
    }
}
