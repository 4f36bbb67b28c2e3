//! Adjusted Rand index.

use super::labelled::of_labels;
use super::{Better, LevelStatistics, Metric, Need, Scalar};
use crate::metrics::agreement;

/// Adjusted Rand index (Hubert and Arabie 1985) between clusters and labels, over the points that have both:
/// scikit-learn's `adjusted_rand_score`. Undefined without labelled points.
pub(super) struct AdjustedRand;

impl Metric for AdjustedRand {
    fn name(&self) -> &'static str {
        "ari"
    }
    fn summary(&self) -> &'static str {
        "adjusted Rand index of clusters and labels; 1 is full agreement, 0 is chance"
    }
    fn better(&self) -> Better {
        Better::Higher
    }
    fn needs(&self) -> &'static [Need] {
        &[Need::Labels]
    }
    fn level(&self, level: &LevelStatistics) -> Option<Scalar> {
        of_labels(level, agreement::ari)
    }
}
