//! Points that are nearer to another centroid than to their own.

use super::{Better, Column, LevelStatistics, Metric, Need, Scalar};

/// Number of points that are strictly nearer to the stored centroid of another non-empty cluster than to their own. A
/// converged k-means has none on level 1. Upper levels may have some, because upstream fits them on centroids.
pub(super) struct Misassigned;

impl Metric for Misassigned {
    fn name(&self) -> &'static str {
        "misassigned"
    }
    fn summary(&self) -> &'static str {
        "number of points nearer to another centroid than to their own"
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
