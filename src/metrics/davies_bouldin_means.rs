//! Davies-Bouldin index with the true means.

use super::davies_bouldin::mean_worst_ratio;
use super::{Better, LevelStatistics, Metric, Need, Scalar};

/// `sklearn.metrics.davies_bouldin_score`: as `davies_bouldin`, with the cluster means instead of the stored
/// centroids. Undefined for fewer than two non-empty clusters.
pub(super) struct DaviesBouldinMeans;

impl Metric for DaviesBouldinMeans {
    fn name(&self) -> &'static str {
        "davies_bouldin_means"
    }
    fn summary(&self) -> &'static str {
        "davies_bouldin with the true cluster means: scikit-learn's davies_bouldin_score"
    }
    fn better(&self) -> Better {
        Better::Lower
    }
    fn needs(&self) -> &'static [Need] {
        &[Need::Means, Need::MeanNeighbours]
    }
    fn level(&self, level: &LevelStatistics) -> Option<Scalar> {
        level.mean_neighbours.as_deref().map(|neighbours| mean_worst_ratio(level, neighbours))
    }
}
