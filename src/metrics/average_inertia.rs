//! Average inertia of a level.

use super::{Better, LevelStatistics, Metric, Scalar, Unit, as_real};

/// inertia / k: the "average inertia" logged by the script that clustrata replaces. Empty clusters count in k. Unit:
/// the embedding's, squared.
pub(super) struct AverageInertia;

impl Metric for AverageInertia {
    fn name(&self) -> &'static str {
        "average_inertia"
    }
    fn summary(&self) -> &'static str {
        "inertia of the level divided by the number of clusters, empty ones included"
    }
    fn unit(&self) -> Unit {
        Unit::SquaredDistance
    }
    fn better(&self) -> Better {
        Better::Lower
    }
    fn level(&self, level: &LevelStatistics) -> Option<Scalar> {
        Some(Scalar::Real(level.inertia() / as_real(level.clusters.len() as u64)))
    }
}
