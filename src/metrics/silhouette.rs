//! Exact silhouette.

use super::{Better, Column, LevelStatistics, Metric, Need, Scalar, TWO_CLUSTERS, as_real};

/// Distances between points are added up as float32, which holds numbers of 1e-38 to 3e38. With a margin for distances that are
/// smaller than a cluster's mean one.
const WIDEST: f64 = 1e69;

const TOO_WIDE: &str = "the distances differ by more than float32 can hold";

/// Whether the largest distance to a centroid is too large beside the least mean distance within a cluster.
fn is_too_wide(level: &LevelStatistics) -> bool {
    let largest = level.clusters.iter().map(|sums| sums.max_squared.sqrt()).fold(0.0, f64::max);
    let means = level.clusters.iter().filter(|sums| sums.distance > 0.0).map(|sums| sums.distance / as_real(sums.size));
    largest > WIDEST * means.fold(f64::INFINITY, f64::min)
}

/// Mean over the points of (b - a) / max(a, b): a is the mean distance to the other points of the same cluster, b the least
/// mean distance to the points of another cluster (Rousseeuw 1987): `sklearn.metrics.silhouette_score`. From -1 to 1. A
/// point alone in its cluster counts 0, and so does a point with a = b = 0. With `--silhouette sample:N`, the mean is over a
/// seeded sample of N points, each compared with all points. Undefined for fewer than two non-empty clusters, and for a
/// cluster without sampled points. Undefined as well where the distances differ by more than float32 holds.
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
        let alone = level.occupied() < 2 || is_too_wide(level);
        let mean = |(&sum, &count): (&f64, &u64)| if alone || count == 0 { f64::NAN } else { sum / as_real(count) };
        Some(Column::Real(silhouette.sums.iter().zip(&silhouette.counts).map(mean).collect()))
    }
    fn level(&self, level: &LevelStatistics) -> Option<Scalar> {
        let silhouette = level.silhouette.as_ref()?;
        if level.occupied() < 2 {
            return Some(Scalar::Undefined(TWO_CLUSTERS));
        }
        if is_too_wide(level) {
            return Some(Scalar::Undefined(TOO_WIDE));
        }
        let count: u64 = silhouette.counts.iter().sum();
        Some(Scalar::Real(silhouette.sums.iter().sum::<f64>() / as_real(count)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::partials::Sums;
    use crate::metrics::level_statistics::Silhouettes;

    #[test]
    fn distances_beyond_float32_leave_silhouettes_undefined() {
        let of = |far: f64| {
            let clusters = vec![Sums::of_point(4.0), Sums::of_point(far * far), Sums::of_point(0.0)];
            let silhouette = Silhouettes { sums: vec![0.5; 3], counts: vec![1; 3], standard_error: None };
            let level = LevelStatistics { silhouette: Some(silhouette), ..LevelStatistics::of_sums(1, clusters) };
            Silhouette.level(&level)
        };
        assert!(matches!(of(1e68), Some(Scalar::Real(value)) if value == 0.5));
        assert!(matches!(of(1e70), Some(Scalar::Undefined(TOO_WIDE))));
    }
}
