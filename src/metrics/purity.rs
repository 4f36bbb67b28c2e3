//! Purity.

use super::labelled::of_labels;
use super::{Better, Column, LevelStatistics, Metric, Need, Scalar, as_real};
use crate::metrics::agreement;

/// Share of the labelled points that have the most frequent label of their cluster (Manning et al. 2008, section 16.3).
/// Undefined without labelled points, per cluster and per level.
pub(super) struct Purity;

impl Metric for Purity {
    fn name(&self) -> &'static str {
        "purity"
    }
    fn summary(&self) -> &'static str {
        "share of the labelled points that have the most frequent label of their cluster"
    }
    fn better(&self) -> Better {
        Better::Higher
    }
    fn needs(&self) -> &'static [Need] {
        &[Need::Labels]
    }
    fn clusters(&self, level: &LevelStatistics) -> Option<Column> {
        let rows = &level.labels.as_ref()?.table.rows;
        let share = |points: u64, most: u64| if points == 0 { f64::NAN } else { as_real(most) / as_real(points) };
        Some(Column::Real(rows.iter().map(|row| share(row.points, row.most)).collect()))
    }
    fn level(&self, level: &LevelStatistics) -> Option<Scalar> {
        of_labels(level, agreement::purity)
    }
}
