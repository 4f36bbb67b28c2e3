//! Adjusted mutual information.

use super::labelled::of_labels;
use super::{Better, LevelStatistics, Metric, Need, Scalar};
use crate::metrics::agreement;

/// Adjusted mutual information (Vinh, Epps and Bailey 2010) between clusters and labels, over the points that have
/// both: scikit-learn's `adjusted_mutual_info_score`. Undefined without labelled points.
pub(super) struct AdjustedMutualInformation;

impl Metric for AdjustedMutualInformation {
    fn name(&self) -> &'static str {
        "ami"
    }
    fn summary(&self) -> &'static str {
        "adjusted mutual information of clusters and labels; 1 is full agreement, 0 is chance"
    }
    fn better(&self) -> Better {
        Better::Higher
    }
    fn needs(&self) -> &'static [Need] {
        &[Need::Labels]
    }
    fn level(&self, level: &LevelStatistics) -> Option<Scalar> {
        of_labels(level, agreement::ami)
    }
}
