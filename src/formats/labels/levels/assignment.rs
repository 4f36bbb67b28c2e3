//! The labels of one level in memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::number::{clusters, whole};
use crate::base::error::Finding;
use crate::base::matrix::UNLABELLED;
use crate::base::numeric::to_usize;
use crate::formats::labels::list::{LabelNames, Labels};

/// Most levels of one file. More columns than this are vectors or a one-hot matrix.
pub(super) const MOST_LEVELS: u64 = 64;

/// Refuses texts if some labels are cluster numbers: one `NA` or `2.5` would turn all numbers into names, which are numbered anew.
/// Numbers such as `007` are names.
fn mixed(names: &[String], of_rows: &[u32], file: &Path) -> Result<(), Finding> {
    let is_name = |text: &&String| whole(text).is_none() && !text.bytes().all(|byte| byte.is_ascii_digit());
    let (Some(number), Some(name)) = (names.iter().find(|text| whole(text).is_some()), names.iter().find(is_name))
    else {
        return Ok(());
    };
    let code = names.iter().position(|text| text == name).and_then(|code| u32::try_from(code).ok());
    let row = of_rows.iter().position(|&label| Some(label) == code).unwrap_or(0);
    Err(Finding::new("labels are cluster numbers and texts")
        .file(file)
        .index(row as u64)
        .expected("whole numbers from 0, or texts that are no numbers")
        .found(format!("`{name}`, but also `{number}`"))
        .hint("write -1 or nothing for a row in no cluster; if all are names, put a letter before the numbers"))
}

/// One level of a clustering that is given as labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The cluster of every row, below `clusters`; [`UNLABELLED`] for an unassigned row.
    pub of_rows: Vec<u32>,
    /// Number of clusters, including empty ones.
    pub clusters: usize,
    /// The label of each cluster, if labels are texts; `None` if they are the clusters' numbers.
    pub names: Option<Arc<[String]>>,
    /// The file it was read from.
    pub file: PathBuf,
    /// The column of the file; `None` if it has only one.
    pub column: Option<String>,
    /// Number of rows outside of the subset that was clustered, which the file has no labels for.
    pub outside: u64,
}

impl Assignment {
    /// Number of rows that the file has labels for.
    pub fn entries(&self) -> u64 {
        self.of_rows.len() as u64 - self.outside
    }

    /// Number of unassigned rows among these.
    pub fn unassigned(&self) -> u64 {
        self.of_rows.iter().filter(|&&label| label == UNLABELLED).count() as u64 - self.outside
    }

    /// From labels that are numbered in order of first appearance.
    pub(super) fn of_labels(labels: Labels, file: &Path, column: Option<String>) -> Result<Assignment, Finding> {
        let Labels { mut of_rows, distinct, names } = labels;
        let numbers = match &names {
            LabelNames::Whole(numbers) => Some(numbers.to_vec()),
            LabelNames::Text(texts) => texts.iter().map(|text| whole(text)).collect(),
        };
        let Some(numbers) = numbers else {
            let LabelNames::Text(names) = names else { return Err(Finding::new("labels without names").file(file)) };
            mixed(&names, &of_rows, file)?;
            return Ok(Assignment {
                of_rows,
                clusters: distinct,
                names: Some(names),
                file: file.to_owned(),
                column,
                outside: 0,
            });
        };
        let largest = numbers.iter().copied().max();
        let clusters = clusters(largest, of_rows.len() as u64, file)?;
        // below the number of clusters, which fits 32 bits
        let numbers: Vec<u32> = numbers.into_iter().map(|number| u32::try_from(number).unwrap_or(UNLABELLED)).collect();
        for label in of_rows.iter_mut().filter(|label| **label != UNLABELLED) {
            *label = numbers[*label as usize];
        }
        Ok(Assignment { of_rows, clusters, names: None, file: file.to_owned(), column, outside: 0 })
    }

    /// The same labels for all `rows` rows, of which entry j is that of row `subset[j]`.
    ///
    /// # Panics
    /// If the subset has another length, or names a row past the end.
    #[must_use]
    pub fn of_subset(mut self, subset: &[u64], rows: u64) -> Assignment {
        assert_eq!(self.of_rows.len(), subset.len(), "one label per entry of the subset");
        let mut all = vec![UNLABELLED; to_usize(rows)];
        subset.iter().zip(&self.of_rows).for_each(|(&row, &label)| all[to_usize(row)] = label);
        self.outside = rows - subset.len() as u64;
        self.of_rows = all;
        self
    }

    /// Refuses labels that are not `rows` in number, or are all missing.
    pub(super) fn check(&self, rows: Option<u64>) -> Result<(), Finding> {
        if let Some(rows) = rows.filter(|&rows| self.of_rows.len() as u64 != rows) {
            return Err(lengths(&self.file, rows).found(format!("{} labels", self.of_rows.len())));
        }
        if self.of_rows.iter().all(|&label| label == UNLABELLED) {
            let column = self.column.as_ref().map_or(String::new(), |column| format!(", in column `{column}`"));
            let finding = Finding::new("no row is in a cluster").file(&self.file);
            return Err(finding
                .found(format!("only empty labels, NaN or -1{column}"))
                .hint("name the file of the labels"));
        }
        Ok(())
    }
}

/// The finding about another number of labels than `rows`.
pub(super) fn lengths(path: &Path, rows: u64) -> Finding {
    Finding::new("the labels don't match the embeddings")
        .file(path)
        .expected(format!("{rows} labels, one per clustered row"))
        .hint("write -1 for a row in no cluster; if only some rows were clustered, name them with --subset-indices")
}
