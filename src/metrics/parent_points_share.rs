//! Share of the parent's points.

use super::{Better, Column, LevelStatistics, Metric, as_real};

/// n_c / n_p, where p is the parent: the cluster of the level above that holds this one. The shares of a parent's children
/// add up to 1. Undefined for an empty cluster, and if the level above is not evaluated.
pub(super) struct ParentPointsShare;

impl Metric for ParentPointsShare {
    fn name(&self) -> &'static str {
        "parent_points_share"
    }
    fn summary(&self) -> &'static str {
        "share of the parent cluster's points"
    }
    fn better(&self) -> Better {
        Better::Neither
    }
    fn clusters(&self, level: &LevelStatistics) -> Option<Column> {
        let share = |c: usize| match &level.parents {
            Some(parents) if level.clusters[c].size > 0 => {
                as_real(level.clusters[c].size) / as_real(parents.clusters[parents.of[c] as usize].size)
            }
            _ => f64::NAN,
        };
        Some(Column::Real((0..level.clusters.len()).map(share).collect()))
    }
}
