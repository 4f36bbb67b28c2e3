//! Share of the largest cluster.

use super::{Better, LevelStatistics, Metric, Scalar, as_real};

/// max n_c / n. Undefined without points.
pub(super) struct LargestShare;

impl Metric for LargestShare {
    fn name(&self) -> &'static str {
        "largest_share"
    }
    fn summary(&self) -> &'static str {
        "share of all points in the largest cluster"
    }
    fn better(&self) -> Better {
        Better::Lower
    }
    fn level(&self, level: &LevelStatistics) -> Option<Scalar> {
        Some(match level.sizes().max() {
            Some(largest) => Scalar::Real(as_real(largest) / as_real(level.points())),
            None => Scalar::Undefined("no points"),
        })
    }
}
