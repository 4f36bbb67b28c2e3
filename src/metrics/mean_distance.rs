//! Mean distance.

use super::{Better, Column, LevelSums, Metric, as_real};

/// Mean over the points of ||x - m_c|| (not squared): the s of Davies and Bouldin (1979). Not defined for an empty
/// cluster. Unit: the embedding's.
pub(super) struct MeanDistance;

impl Metric for MeanDistance {
    fn name(&self) -> &'static str {
        "mean_distance"
    }
    fn summary(&self) -> &'static str {
        "mean distance to the stored centroid"
    }
    fn better(&self) -> Better {
        Better::Lower
    }
    fn clusters(&self, level: &LevelSums<'_>) -> Option<Column> {
        Some(level.of_points(|c| c.distance / as_real(c.size)))
    }
}
