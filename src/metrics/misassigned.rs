//! Points that are nearer to another centroid than to their own.

use super::{Better, Column, LevelStatistics, Metric, Need, OVERFLOWS, Scalar};
use crate::engine::partials::Sums;

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
        let count = |c: &Sums| (!c.simplified_silhouette.is_nan()).then_some(c.misassigned);
        let counts = || level.clusters.iter().map(count);
        level.searched.then(|| match counts().collect() {
            Some(all) => Column::Count(all),
            None => Column::Index(counts().collect()),
        })
    }
    fn level(&self, level: &LevelStatistics) -> Option<Scalar> {
        let overflows = level.clusters.iter().any(|c| c.simplified_silhouette.is_nan());
        let count = || level.clusters.iter().map(|c| c.misassigned).sum();
        level.searched.then(|| if overflows { Scalar::Undefined(OVERFLOWS) } else { Scalar::Count(count()) })
    }
}
