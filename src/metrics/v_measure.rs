//! V-measure.

use super::labelled::of_labels;
use super::{Better, LevelStatistics, Metric, Need, Scalar};
use crate::metrics::agreement;

/// V-measure (Rosenberg and Hirschberg 2007): the harmonic mean of `homogeneity` and `completeness`, scikit-learn's
/// `v_measure_score`. Equal to `nmi`. Undefined without labelled points.
pub(super) struct VMeasure;

impl Metric for VMeasure {
    fn name(&self) -> &'static str {
        "v_measure"
    }
    fn summary(&self) -> &'static str {
        "harmonic mean of homogeneity and completeness"
    }
    fn better(&self) -> Better {
        Better::Higher
    }
    fn needs(&self) -> &'static [Need] {
        &[Need::Labels]
    }
    fn level(&self, level: &LevelStatistics) -> Option<Scalar> {
        of_labels(level, |table| agreement::homogeneity_completeness_v(table).v_measure)
    }
}
