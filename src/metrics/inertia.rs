//! Inertia: the sum of squared distances to the stored centroids.

use super::{Better, Column, LevelStatistics, Metric, Scalar, Unit};

/// Sum over the points of ||x - m_c||^2, where m_c is the stored centroid: scikit-learn's `KMeans.inertia_` for given labels and
/// centres. Per cluster and, summed, per level; 0 for an empty cluster. Unit: the embedding's, squared.
pub(super) struct Inertia;

impl Metric for Inertia {
    fn name(&self) -> &'static str {
        "inertia"
    }
    fn summary(&self) -> &'static str {
        "sum of squared distances to the stored centroid"
    }
    fn unit(&self) -> Unit {
        Unit::SquaredDistance
    }
    fn better(&self) -> Better {
        Better::Lower
    }
    fn clusters(&self, level: &LevelStatistics) -> Option<Column> {
        Some(Column::Real(level.clusters.iter().map(|c| c.inertia).collect()))
    }
    fn level(&self, level: &LevelStatistics) -> Option<Scalar> {
        Some(Scalar::Real(level.inertia()))
    }
}
