//! The labels of all rows in memory.

use std::path::Path;
use std::sync::Arc;

use crate::base::error::Finding;

/// The labels of all rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// The label of every row as a number below [`distinct`](Self::distinct), numbered in order of first appearance.
    /// [`UNLABELLED`](crate::base::matrix::UNLABELLED) for a row without a label.
    pub of_rows: Vec<u32>,
    /// Number of different labels.
    pub distinct: usize,
    /// The different labels, by number.
    pub names: LabelNames,
}

/// Labels as written in the file, by number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelNames {
    /// All labels are whole numbers.
    Whole(Arc<[u64]>),
    /// Some label is not a whole number.
    Text(Arc<[String]>),
}

impl Labels {
    /// The label of a row, as written in the file; `None` for a row without one.
    pub fn text_of(&self, row: u64) -> Option<String> {
        // the number of no label is beyond all names
        let at = usize::try_from(*self.of_rows.get(usize::try_from(row).ok()?)?).ok()?;
        match &self.names {
            LabelNames::Whole(numbers) => numbers.get(at).map(u64::to_string),
            LabelNames::Text(texts) => texts.get(at).cloned(),
        }
    }

    /// Refuses labels that are not `rows` in number, or are all missing.
    pub(super) fn check(&self, path: &Path, rows: u64) -> Result<(), Finding> {
        if self.of_rows.len() as u64 != rows {
            return Err(Finding::new("the labels don't match the embeddings")
                .file(path)
                .expected(format!("{rows} labels, one per row of the embeddings"))
                .found(format!("{} labels", self.of_rows.len()))
                .hint("write an empty label, or -1, for a row without a label"));
        }
        if self.distinct == 0 {
            let finding = Finding::new("no row has a label").file(path).found("only empty labels, or -1");
            return Err(finding.hint("name the file of the labels, or leave --labels out"));
        }
        Ok(())
    }
}
