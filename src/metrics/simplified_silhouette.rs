//! Simplified silhouette: the silhouette with centroids instead of points.

use super::{Better, Column, LevelStatistics, Metric, Need, Scalar, TWO_CLUSTERS, as_real, of_nonempty};

/// Mean over the points of (b' - a') / max(a', b'): a' is the distance to the own stored centroid, b' to the nearest
/// other one among the non-empty clusters; 0 if both are 0 (Hruschka, de Castro and Campello 2004; ssl-data-curation's
/// `simple_silhouettes`). From -1 to 1. There is no special rule for singletons: a point on its own centroid counts 1. Undefined
/// for an empty cluster, and for fewer than two non-empty clusters.
pub(super) struct SimplifiedSilhouette;

impl Metric for SimplifiedSilhouette {
    fn name(&self) -> &'static str {
        "simplified_silhouette"
    }
    fn summary(&self) -> &'static str {
        "mean of (b - a) / max(a, b); a and b: distance to own and to nearest other centroid"
    }
    fn better(&self) -> Better {
        Better::Higher
    }
    fn needs(&self) -> &'static [Need] {
        &[Need::Search]
    }
    fn clusters(&self, level: &LevelStatistics) -> Option<Column> {
        let alone = level.occupied() < 2;
        level
            .searched
            .then(|| of_nonempty(level, |c| if alone { f64::NAN } else { c.simplified_silhouette / as_real(c.size) }))
    }
    fn level(&self, level: &LevelStatistics) -> Option<Scalar> {
        if !level.searched {
            return None;
        }
        if level.occupied() < 2 {
            return Some(Scalar::Undefined(TWO_CLUSTERS));
        }
        let sum: f64 = level.clusters.iter().map(|c| c.simplified_silhouette).sum();
        Some(Scalar::Real(sum / as_real(level.points())))
    }
}
