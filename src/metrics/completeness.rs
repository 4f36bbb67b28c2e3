//! Completeness.

use super::labelled::of_labels;
use super::{Better, LevelStatistics, Metric, Need, Scalar};
use crate::metrics::agreement;

/// 1 - H(cluster | label) / H(cluster) (Rosenberg and Hirschberg 2007), scikit-learn's `completeness_score`. Undefined
/// without labelled points.
pub(super) struct Completeness;

impl Metric for Completeness {
    fn name(&self) -> &'static str {
        "completeness"
    }
    fn summary(&self) -> &'static str {
        "1 if all points of a label lie in one cluster"
    }
    fn better(&self) -> Better {
        Better::Higher
    }
    fn needs(&self) -> &'static [Need] {
        &[Need::Labels]
    }
    fn level(&self, level: &LevelStatistics) -> Option<Scalar> {
        of_labels(level, |table| agreement::homogeneity_completeness_v(table).completeness)
    }
}
