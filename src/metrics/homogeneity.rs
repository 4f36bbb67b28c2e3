//! Homogeneity.

use super::labelled::of_labels;
use super::{Better, LevelStatistics, Metric, Need, Scalar};
use crate::metrics::agreement;

/// 1 - H(label | cluster) / H(label) (Rosenberg and Hirschberg 2007), scikit-learn's `homogeneity_score`. Undefined
/// without labelled points.
pub(super) struct Homogeneity;

impl Metric for Homogeneity {
    fn name(&self) -> &'static str {
        "homogeneity"
    }
    fn summary(&self) -> &'static str {
        "1 if every cluster holds points of one label only"
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
