//! Normalized mutual information.

use super::labelled::of_labels;
use super::{Better, LevelStatistics, Metric, Need, Scalar};
use crate::metrics::agreement;

/// Mutual information between clusters and labels divided by the arithmetic mean of their entropies, over the points that
/// have both: scikit-learn's `normalized_mutual_info_score`. Grows with the number of clusters by chance alone; `ami` does
/// not. Undefined without labelled points.
pub(super) struct NormalizedMutualInformation;

impl Metric for NormalizedMutualInformation {
    fn name(&self) -> &'static str {
        "nmi"
    }
    fn summary(&self) -> &'static str {
        "mutual information of clusters and labels divided by the mean of their entropies"
    }
    fn better(&self) -> Better {
        Better::Higher
    }
    fn needs(&self) -> &'static [Need] {
        &[Need::Labels]
    }
    fn level(&self, level: &LevelStatistics) -> Option<Scalar> {
        of_labels(level, agreement::nmi)
    }
}
