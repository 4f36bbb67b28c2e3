//! Exact silhouette.

use super::{Better, Column, LevelStatistics, Metric, Need, Scalar, TWO_CLUSTERS, as_real};

/// Mean over the points of (b - a) / max(a, b): a is the mean distance to the other points of the same cluster, b the least
/// mean distance to the points of another cluster (Rousseeuw 1987): `sklearn.metrics.silhouette_score`. From -1 to 1. A
/// point alone in its cluster counts 0, and so does a point with a = b = 0. With `--silhouette sample:N`, the mean is over a
/// seeded sample of N points, each compared with all points. Undefined for fewer than two non-empty clusters, and for a
/// cluster without sampled points.
pub(super) struct Silhouette;

impl Metric for Silhouette {
    fn name(&self) -> &'static str {
        "silhouette"
    }
    fn summary(&self) -> &'static str {
        "mean of (b - a) / max(a, b); a and b: mean distance to own and to nearest other cluster"
    }
    fn better(&self) -> Better {
        Better::Higher
    }
    fn needs(&self) -> &'static [Need] {
        &[Need::Silhouette]
    }
    fn clusters(&self, level: &LevelStatistics) -> Option<Column> {
        let silhouette = level.silhouette.as_ref()?;
        let alone = level.occupied() < 2;
        let mean = |(&sum, &count): (&f64, &u64)| if alone || count == 0 { f64::NAN } else { sum / as_real(count) };
        Some(Column::Real(silhouette.sums.iter().zip(&silhouette.counts).map(mean).collect()))
    }
    fn level(&self, level: &LevelStatistics) -> Option<Scalar> {
        let silhouette = level.silhouette.as_ref()?;
        if level.occupied() < 2 {
            return Some(Scalar::Undefined(TWO_CLUSTERS));
        }
        let count: u64 = silhouette.counts.iter().sum();
        Some(Scalar::Real(silhouette.sums.iter().sum::<f64>() / as_real(count)))
    }
}
