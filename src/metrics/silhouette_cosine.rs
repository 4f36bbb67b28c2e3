//! Exact silhouette of cosine distances.

use super::{Better, Column, LevelStatistics, Metric, Need, Scalar, TWO_CLUSTERS, as_real};

/// Mean over the points of (b - a) / max(a, b): a is the mean cosine distance to the other points of the same cluster, b the
/// least mean cosine distance to the points of another cluster (Rousseeuw 1987):
/// `sklearn.metrics.silhouette_score(metric="cosine")`. From -1 to 1. A point alone in its cluster counts 0, and so does a
/// point with a = b = 0. The points have norm 1, so both means follow from the sums of the clusters, and the cost is that of a
/// search. Undefined for an empty cluster, for fewer than two non-empty clusters, and without normalised rows.
pub(super) struct SilhouetteCosine;

impl Metric for SilhouetteCosine {
    fn name(&self) -> &'static str {
        "silhouette_cosine"
    }
    fn summary(&self) -> &'static str {
        "silhouette with cosine distances; needs --normalize"
    }
    fn better(&self) -> Better {
        Better::Higher
    }
    fn needs(&self) -> &'static [Need] {
        &[Need::Cosine]
    }
    fn clusters(&self, level: &LevelStatistics) -> Option<Column> {
        let sums = level.cosine.as_ref()?;
        let alone = level.occupied() < 2;
        let mean = |(&sum, size)| if alone || size == 0 { f64::NAN } else { sum / as_real(size) };
        Some(Column::Real(sums.iter().zip(level.clusters.iter().map(|sums| sums.size)).map(mean).collect()))
    }
    fn level(&self, level: &LevelStatistics) -> Option<Scalar> {
        let sums = level.cosine.as_ref()?;
        if level.occupied() < 2 {
            return Some(Scalar::Undefined(TWO_CLUSTERS));
        }
        Some(Scalar::Real(sums.iter().sum::<f64>() / as_real(level.points())))
    }
}
