//! Explained variance.

use super::{Better, LevelStatistics, Metric, Need, Scalar};

/// 1 - W / T with W the sum over the points of ||x - mu_c||^2 and T that of ||x - mean||^2, mu_c the cluster's mean: the
/// share of the variance that the clusters explain (R^2, eta squared). 1 where every point is its cluster's mean. Not
/// defined where all points are equal.
pub(super) struct ExplainedVariance;

impl Metric for ExplainedVariance {
    fn name(&self) -> &'static str {
        "explained_variance"
    }
    fn summary(&self) -> &'static str {
        "share of the variance that the clusters' means explain"
    }
    fn better(&self) -> Better {
        Better::Higher
    }
    fn needs(&self) -> &'static [Need] {
        &[Need::Means]
    }
    fn level(&self, level: &LevelStatistics) -> Option<Scalar> {
        let means = level.means.as_ref()?;
        // T = W + B, a sum of what is never negative: nothing cancels
        let (within, between) = (means.within(), means.between());
        let total = within + between;
        if level.points() == 0 {
            return Some(Scalar::Undefined("needs a point"));
        }
        Some(if total > 0.0 { Scalar::Real(between / total) } else { Scalar::Undefined("all points are equal") })
    }
}
