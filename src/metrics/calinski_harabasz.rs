//! Calinski-Harabasz index.

use super::{Better, LevelStatistics, Metric, Need, Scalar, as_real};

/// (B / (K - 1)) / (W / (n - K)) with B the dispersion between the clusters' means and W that within them (Calinski and
/// Harabasz 1974): `sklearn.metrics.calinski_harabasz_score`, which gives 1 where W is 0. Not defined for fewer than two
/// non-empty clusters, nor where every point is a cluster of its own.
pub(super) struct CalinskiHarabasz;

impl Metric for CalinskiHarabasz {
    fn name(&self) -> &'static str {
        "calinski_harabasz"
    }
    fn summary(&self) -> &'static str {
        "dispersion between over dispersion within clusters: scikit-learn's calinski_harabasz_score"
    }
    fn better(&self) -> Better {
        Better::Higher
    }
    fn needs(&self) -> &'static [Need] {
        &[Need::Means]
    }
    fn level(&self, level: &LevelStatistics) -> Option<Scalar> {
        let means = level.means.as_ref()?;
        let (points, clusters) = (level.points(), level.occupied());
        if clusters < 2 {
            return Some(Scalar::Undefined(super::TWO_CLUSTERS));
        }
        if clusters == points {
            return Some(Scalar::Undefined("every point is a cluster of its own"));
        }
        let (within, between) = (means.within(), means.between());
        if within == 0.0 {
            return Some(Scalar::Real(1.0));
        }
        Some(Scalar::Real(between * as_real(points - clusters) / (within * as_real(clusters - 1))))
    }
}
