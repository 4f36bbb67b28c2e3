//! Adjusted Rand index.

use super::labelled::of_labels;
use super::{Better, LevelStatistics, Metric, Need, Scalar};
use crate::metrics::agreement;

/// Adjusted Rand index (Hubert and Arabie 1985) of the clusters and the labels, over the points that have both:
/// scikit-learn's `adjusted_rand_score`. Not defined where no point has a label.
pub(super) struct AdjustedRand;

impl Metric for AdjustedRand {
    fn name(&self) -> &'static str {
        "ari"
    }
    fn summary(&self) -> &'static str {
        "adjusted Rand index of clusters and labels; 1 is full agreement, 0 chance"
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
