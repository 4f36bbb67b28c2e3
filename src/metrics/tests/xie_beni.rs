//! Xie-Beni index.

use super::{Better, LevelStatistics, Metric, Need, Scalar, TWO_CLUSTERS, as_real};

/// Inertia / (n times the least squared distance between two stored centroids) (Xie and Beni 1991). Not defined for fewer
/// than two non-empty clusters, nor where two of their centroids coincide.
pub(super) struct XieBeni;

impl Metric for XieBeni {
    fn name(&self) -> &'static str {
        "xie_beni"
    }
    fn summary(&self) -> &'static str {
        "mean squared distance over the least squared distance between centroids"
    }
    fn better(&self) -> Better {
        Better::Lower
    }
    fn needs(&self) -> &'static [Need] {
        &[Need::Neighbours]
    }
    fn level(&self, level: &LevelStatistics) -> Option<Scalar> {
        let neighbours = level.neighbours.as_ref()?;
        if level.occupied() < 2 {
            return Some(Scalar::Undefined(TWO_CLUSTERS));
        }
        let least = neighbours.iter().map(|n| n.distance).fold(f64::INFINITY, f64::min);
        Some(match least > 0.0 {
            true => Scalar::Real(level.inertia() / (as_real(level.points()) * least * least)),
            false => Scalar::Undefined("two centroids coincide"),
        })
    }
}
