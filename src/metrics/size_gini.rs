//! Inequality of the cluster sizes, as Gini coefficient.

use super::{Better, LevelStatistics, Metric, Scalar, as_real};

/// Gini coefficient of the sizes n_(1) <= ... <= n_(K) of the non-empty clusters:
/// sum_i (2 i - K - 1) n_(i) / (K n) (Gini 1912). 0 if all have the same size, close to 1 if one holds nearly all points.
/// Undefined without points.
pub(super) struct SizeGini;

impl Metric for SizeGini {
    fn name(&self) -> &'static str {
        "size_gini"
    }
    fn summary(&self) -> &'static str {
        "Gini coefficient of the cluster sizes; 0 is perfectly balanced"
    }
    fn better(&self) -> Better {
        Better::Lower
    }
    fn level(&self, level: &LevelStatistics) -> Option<Scalar> {
        let mut sizes: Vec<u64> = level.sizes().collect();
        if sizes.is_empty() {
            return Some(Scalar::Undefined("no points"));
        }
        sizes.sort_unstable();
        let clusters = as_real(sizes.len() as u64);
        let weighted = |(i, &size): (usize, &u64)| (2.0 * as_real(i as u64 + 1) - clusters - 1.0) * as_real(size);
        let sum: f64 = sizes.iter().enumerate().map(weighted).sum();
        Some(Scalar::Real(sum / (clusters * as_real(level.points()))))
    }
}
