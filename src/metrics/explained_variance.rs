//! Explained variance.

use super::{Better, LevelStatistics, Metric, Need, Scalar};

/// 1 - W / T where W is the sum over all points of ||x - mu_c||^2, T the sum of ||x - mean||^2 and mu_c the mean of the
/// point's cluster: the share of the variance that the clusters explain (R^2, eta squared). 1 if every point equals its
/// cluster mean. Undefined if all points are equal.
pub(super) struct ExplainedVariance;

impl Metric for ExplainedVariance {
    fn name(&self) -> &'static str {
        "explained_variance"
    }
    fn summary(&self) -> &'static str {
        "share of the variance explained by the cluster means"
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
            return Some(Scalar::Undefined("no points"));
        }
        Some(if total > 0.0 { Scalar::Real(between / total) } else { Scalar::Undefined("all points are equal") })
    }
}
