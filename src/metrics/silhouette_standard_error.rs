//! How sure a sampled silhouette is.

use super::{Better, LevelStatistics, Metric, Need, Scalar};

/// Standard error of `silhouette` where it comes from a sample; absent where it is exact. The sample has one point from
/// each of N equally long stretches of the points in the order of the hierarchy, and the error is that of successive
/// differences (Wolter 2007, Introduction to Variance Estimation, section 8.2).
pub(super) struct SilhouetteStandardError;

impl Metric for SilhouetteStandardError {
    fn name(&self) -> &'static str {
        "silhouette_standard_error"
    }
    fn summary(&self) -> &'static str {
        "standard error of the silhouette, where it is sampled"
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
            _ if level.occupied() < 2 => Scalar::Undefined(super::TWO_CLUSTERS),
            error if error.is_nan() => Scalar::Undefined("needs a sample of two points"),
            error => Scalar::Real(error),
        })
    }
}
