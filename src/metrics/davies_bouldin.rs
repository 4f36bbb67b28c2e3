//! Davies-Bouldin index with the stored centroids.

use super::{Better, LevelStatistics, Metric, Need, Scalar, TWO_CLUSTERS, as_real};
use crate::metrics::level_statistics::Neighbours;

/// Mean over the K non-empty clusters of max over the others of (s_i + s_j) / ||m_i - m_j||, where s is the mean distance and m
/// the stored centroid (Davies and Bouldin 1979). Pairs whose centroids coincide are skipped, as in scikit-learn.
/// Undefined for fewer than two non-empty clusters.
pub(super) struct DaviesBouldin;

impl Metric for DaviesBouldin {
    fn name(&self) -> &'static str {
        "davies_bouldin"
    }
    fn summary(&self) -> &'static str {
        "mean over clusters of the largest ratio of spread to distance between stored centroids"
    }
    fn better(&self) -> Better {
        Better::Lower
    }
    fn needs(&self) -> &'static [Need] {
        &[Need::Neighbours]
    }
    fn level(&self, level: &LevelStatistics) -> Option<Scalar> {
        level.neighbours.as_deref().map(|neighbours| mean_worst_ratio(level, neighbours))
    }
}

/// Mean of the worst ratios of the non-empty clusters.
pub(super) fn mean_worst_ratio(level: &LevelStatistics, neighbours: &[Neighbours]) -> Scalar {
    if level.occupied() < 2 {
        return Scalar::Undefined(TWO_CLUSTERS);
    }
    let full = level.clusters.iter().zip(neighbours).filter(|(sums, _)| sums.size > 0);
    Scalar::Real(full.map(|(_, neighbours)| neighbours.worst_ratio).sum::<f64>() / as_real(level.occupied()))
}
