//! The most frequent label of a cluster.

use super::{Better, Column, LevelFacts, Metric, Need};

/// The label that most points of the cluster have, ties to the label that comes first in the file. Only where all labels
/// are whole numbers, which a column can hold. Not defined for a cluster none of whose points has a label.
pub(super) struct MajorityLabel;

impl Metric for MajorityLabel {
    fn name(&self) -> &'static str {
        "majority_label"
    }
    fn summary(&self) -> &'static str {
        "most frequent label, where labels are whole numbers"
    }
    fn better(&self) -> Better {
        Better::Neither
    }
    fn needs(&self) -> &'static [Need] {
        &[Need::Labels]
    }
    fn clusters(&self, level: &LevelFacts) -> Option<Column> {
        let labels = level.labels.as_ref()?;
        let numbers = labels.numbers.as_ref()?;
        let number = |label: Option<u32>| numbers.get(label? as usize).copied();
        Some(Column::Index(labels.table.rows.iter().map(|row| number(row.majority)).collect()))
    }
}
