//! Mean squared distance.

use super::{Better, Column, LevelStatistics, Metric, Unit, as_real, of_nonempty};

/// inertia / n_c: the mean squared distance to the stored centroid. Undefined for an empty cluster. Unit: the
/// embedding's, squared.
pub(super) struct MeanInertia;

impl Metric for MeanInertia {
    fn name(&self) -> &'static str {
        "mean_inertia"
    }
    fn summary(&self) -> &'static str {
        "inertia divided by the number of points"
    }
    fn unit(&self) -> Unit {
        Unit::SquaredDistance
    }
    fn better(&self) -> Better {
        Better::Lower
    }
    fn clusters(&self, level: &LevelStatistics) -> Option<Column> {
        Some(of_nonempty(level, |c| c.inertia / as_real(c.size)))
    }
}
