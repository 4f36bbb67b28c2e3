//! Share of the parent's inertia.

use super::{Better, Column, LevelStatistics, Metric, Need, as_real};

/// Share of the parent's inertia that this cluster's points contribute: the sum over S_c of ||x - m_p||^2 divided by the
/// inertia of the parent p, where m_p is the parent's stored centroid. The shares of a parent's children add up to 1. A
/// child whose share is well above its `parent_points_share` lies at the rim of its parent. The sum is computed as the sum
/// around the child's mean plus n_c ||mu_c - m_p||^2, which is equal (Huygens-Steiner). Undefined for an empty cluster, if
/// the parent's inertia is 0, and if the level above is not evaluated.
pub(super) struct ParentInertiaShare;

impl Metric for ParentInertiaShare {
    fn name(&self) -> &'static str {
        "parent_inertia_share"
    }
    fn summary(&self) -> &'static str {
        "share of the parent cluster's inertia contributed by this cluster's points"
    }
    fn better(&self) -> Better {
        Better::Lower
    }
    fn needs(&self) -> &'static [Need] {
        &[Need::Means]
    }
    fn clusters(&self, level: &LevelStatistics) -> Option<Column> {
        let means = level.means.as_ref()?;
        let share = |c: usize| {
            let (Some(parents), Some(from_parent)) = (&level.parents, means.from_parent.get(c)) else {
                return f64::NAN;
            };
            let around = &means.around_mean[c];
            // an empty cluster may have no parent
            let inertia = |c: usize| parents.clusters[parents.of[c] as usize].inertia;
            let inertia = if around.size == 0 { 0.0 } else { inertia(c) };
            if inertia == 0.0 {
                return f64::NAN;
            }
            (around.inertia + as_real(around.size) * from_parent) / inertia
        };
        Some(Column::Real((0..level.clusters.len()).map(share).collect()))
    }
}
