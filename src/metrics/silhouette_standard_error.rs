//! Standard error of a sampled silhouette.

use super::{Better, LevelStatistics, Metric, Need, Scalar, TWO_CLUSTERS};

/// Standard error of `silhouette` if it is sampled; absent if it is exact. The sample takes one point from each
/// of N equally long runs of points in hierarchy order. The error is estimated from successive differences (Wolter 2007, Introduction to Variance Estimation, section 8.2).
pub(super) struct SilhouetteStandardError;

impl Metric for SilhouetteStandardError {
    fn name(&self) -> &'static str {
        "silhouette_standard_error"
    }
    fn summary(&self) -> &'static str {
        "standard error of a sampled silhouette"
    }
    fn better(&self) -> Better {
        Better::Lower
    }
    fn needs(&self) -> &'static [Need] {
        &[Need::Silhouette]
    }
    fn level(&self, level: &LevelStatistics) -> Option<Scalar> {
        let error = level.silhouette.as_ref()?.standard_error?;
        Some(match error {
            _ if level.occupied() < 2 => Scalar::Undefined(TWO_CLUSTERS),
            error if error.is_nan() => Scalar::Undefined("needs a sample of at least two points"),
            error => Scalar::Real(error),
        })
    }
}
