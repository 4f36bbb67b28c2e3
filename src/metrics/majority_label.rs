//! The most frequent label of a cluster.

use crate::metrics::level_statistics::Names;

use super::{Better, Column, LevelStatistics, Metric, Need};

/// The most frequent label among the points of the cluster; on a tie, the one that comes first in the file. A number if all
/// labels are integers, else text. Undefined for a cluster without labelled points.
pub(super) struct MajorityLabel;

impl Metric for MajorityLabel {
    fn name(&self) -> &'static str {
        "majority_label"
    }
    fn summary(&self) -> &'static str {
        "most frequent label in the cluster"
    }
    fn better(&self) -> Better {
        Better::Neither
    }
    fn needs(&self) -> &'static [Need] {
        &[Need::Labels]
    }
    fn clusters(&self, level: &LevelStatistics) -> Option<Column> {
        let labels = level.labels.as_ref()?;
        let majorities = labels.table.rows.iter().map(|row| Some(row.majority? as usize));
        Some(match &labels.names {
            Names::Whole(names) => Column::Index(majorities.map(|label| names.get(label?).copied()).collect()),
            Names::Text(names) => Column::Text(majorities.map(|label| names.get(label?).cloned()).collect()),
        })
    }
}
