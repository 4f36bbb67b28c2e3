//! Mean distance.

use super::{Better, Column, LevelStatistics, Metric, Unit, as_real, of_nonempty};

/// Mean over the points of ||x - m_c|| (not squared): the s of Davies and Bouldin (1979). Undefined for an empty
/// cluster. Unit: the embedding's.
pub(super) struct MeanDistance;

impl Metric for MeanDistance {
    fn name(&self) -> &'static str {
        "mean_distance"
    }
    fn summary(&self) -> &'static str {
        "mean distance to the stored centroid"
    }
    fn unit(&self) -> Unit {
        Unit::Distance
    }
    fn better(&self) -> Better {
        Better::Lower
    }
    fn clusters(&self, level: &LevelStatistics) -> Option<Column> {
        Some(of_nonempty(level, |c| c.distance / as_real(c.size)))
    }
}
