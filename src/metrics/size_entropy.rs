//! Balance of the cluster sizes, as entropy.

use super::{Better, LevelStatistics, Metric, Scalar, TWO_CLUSTERS, as_real};

/// -sum p_c ln p_c / ln K over the K non-empty clusters, p_c = n_c / n: Shannon entropy as a share of its maximum
/// (Pielou's evenness, 1966). 1 if all clusters have the same size. Undefined for fewer than two non-empty clusters.
pub(super) struct SizeEntropy;

impl Metric for SizeEntropy {
    fn name(&self) -> &'static str {
        "size_entropy"
    }
    fn summary(&self) -> &'static str {
        "entropy of the cluster sizes divided by ln K; 1 is perfectly balanced"
    }
    fn better(&self) -> Better {
        Better::Higher
    }
    fn level(&self, level: &LevelStatistics) -> Option<Scalar> {
        let clusters = level.occupied();
        if clusters < 2 {
            return Some(Scalar::Undefined(TWO_CLUSTERS));
        }
        let points = as_real(level.points());
        let entropy: f64 = level.sizes().map(|size| as_real(size) / points).map(|p| -p * p.ln()).sum();
        Some(Scalar::Real(entropy / as_real(clusters).ln()))
    }
}
