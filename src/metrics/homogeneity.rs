//! Homogeneity.

use super::labelled::of_labels;
use super::{Better, LevelStatistics, Metric, Need, Scalar};
use crate::metrics::agreement;

/// 1 - H(label | cluster) / H(label) (Rosenberg and Hirschberg 2007), scikit-learn's `homogeneity_score`. Not defined
/// where no point has a label.
pub(super) struct Homogeneity;

impl Metric for Homogeneity {
    fn name(&self) -> &'static str {
        "homogeneity"
    }
    fn summary(&self) -> &'static str {
        "how far clusters hold points of one label only; 1 is all of them"
    }
    fn better(&self) -> Better {
        Better::Higher
    }
    fn needs(&self) -> &'static [Need] {
        &[Need::Labels]
    }
    fn level(&self, level: &LevelStatistics) -> Option<Scalar> {
        of_labels(level, |table| agreement::homogeneity_completeness_v(table).homogeneity)
    }
}
