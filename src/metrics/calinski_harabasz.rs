//! Calinski-Harabasz index.

use super::{Better, LevelStatistics, Metric, Need, Scalar, TWO_CLUSTERS, as_real};

/// (B / (K - 1)) / (W / (n - K)) where B is the dispersion between the cluster means and W the dispersion within clusters (Calinski and
/// Harabasz 1974): `sklearn.metrics.calinski_harabasz_score`, which returns 1 if W is 0. Undefined for fewer than two
/// non-empty clusters, or if every point is its own cluster.
pub(super) struct CalinskiHarabasz;

impl Metric for CalinskiHarabasz {
    fn name(&self) -> &'static str {
        "calinski_harabasz"
    }
    fn summary(&self) -> &'static str {
        "ratio of between-cluster to within-cluster dispersion: scikit-learn's calinski_harabasz_score"
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
            return Some(Scalar::Undefined(TWO_CLUSTERS));
        }
        if clusters == points {
            return Some(Scalar::Undefined("every point is its own cluster"));
        }
        let (within, between) = (means.within(), means.between());
        if within == 0.0 {
            return Some(Scalar::Real(1.0));
        }
        Some(Scalar::Real(between * as_real(points - clusters) / (within * as_real(clusters - 1))))
    }
}
