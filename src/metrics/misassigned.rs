//! Points that another centroid is nearer to.

use super::{Better, Column, LevelStatistics, Metric, Need, Scalar};

/// Number of points to which the stored centroid of another non-empty cluster is strictly nearer than their own. On
/// level 1 of a converged k-means there are none; above it there may be, since upstream fits on centroids.
pub(super) struct Misassigned;

impl Metric for Misassigned {
    fn name(&self) -> &'static str {
        "misassigned"
    }
    fn summary(&self) -> &'static str {
        "points to which another centroid is nearer than their own"
    }
    fn better(&self) -> Better {
        Better::Lower
    }
    fn needs(&self) -> &'static [Need] {
        &[Need::Search]
    }
    fn clusters(&self, level: &LevelStatistics) -> Option<Column> {
        level.searched.then(|| Column::Count(level.clusters.iter().map(|c| c.misassigned).collect()))
    }
    fn level(&self, level: &LevelStatistics) -> Option<Scalar> {
        level.searched.then(|| Scalar::Count(level.clusters.iter().map(|c| c.misassigned).sum()))
    }
}
