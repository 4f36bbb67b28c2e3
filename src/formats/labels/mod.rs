//! Labels that the user gives the points: what they are, whatever the clustering says. Entry i is the label of row i.
//!
//! A label is a text, as it is written; of a `.npy` of integers, the number in decimal. An empty one and `-1` mean that the
//! row has none. Four bytes a row are kept, and each label once.

mod code;
mod npy;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use super::lines::{Columns, each_line, each_record};
use super::pickle::{BUFFER, NPY_MAGIC, open};
use crate::base::error::Finding;
use code::Coder;

/// The labels of all rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// Of every row, as a number below [`distinct`](Self::distinct) in the order of the file, or
    /// [`UNLABELLED`](crate::base::matrix::UNLABELLED).
    pub of_rows: Vec<u32>,
    /// How many different labels there are.
    pub distinct: usize,
    /// The labels themselves.
    pub names: LabelNames,
}

/// Labels as they were written, by their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelNames {
    /// All are whole numbers.
    Whole(Arc<[u64]>),
    /// Some are not.
    Text(Arc<[String]>),
}

impl Labels {
    /// Reads a `.npy` of integers or of strings, a `.txt` with a label per line, or a `.csv` with a column `label`.
    ///
    /// # Errors
    /// When the file can't be read, is of another format, does not have `rows` entries, or holds nothing but missing ones.
    pub fn read(path: &Path, rows: u64) -> Result<Labels, Finding> {
        let (file, size) = open(path)?;
        let mut reader = BufReader::with_capacity(BUFFER, file);
        let start = reader.fill_buf().map_err(|error| Finding::io("the file can't be read", path, &error))?;
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("").to_ascii_lowercase();
        let labels = match extension.as_str() {
            _ if start.starts_with(NPY_MAGIC) => npy::read(reader, path, size)?,
            "txt" | "lst" | "list" => {
                let mut coder = Coder::new(path);
                each_line(reader, path, "a label", |_, label| coder.text(label))?;
                coder.finish_texts()
            }
            "csv" => {
                let mut coder = Coder::new(path);
                let columns = Columns { required: "label", optional: None };
                each_record(reader, path, columns, |_, label, _| coder.text(label))?;
                coder.finish_texts()
            }
            _ => {
                return Err(Finding::new("the format of these labels is not known")
                    .file(path)
                    .expected(
                        "a .npy of integers or strings, a .txt with a label per line, or a .csv with a `label` column",
                    )
                    .found(if extension.is_empty() { "no extension".to_owned() } else { format!(".{extension}") })
                    .hint("rename it to what it is"));
            }
        };
        labels.check(path, rows)?;
        Ok(labels)
    }

    fn check(&self, path: &Path, rows: u64) -> Result<(), Finding> {
        if self.of_rows.len() as u64 != rows {
            return Err(Finding::new("the labels don't match the embeddings")
                .file(path)
                .expected(format!("{rows} labels, one per row of the embeddings"))
                .found(format!("{} labels", self.of_rows.len()))
                .hint("rows without a label have an empty one, or -1"));
        }
        if self.distinct == 0 {
            let finding = Finding::new("no row has a label").file(path).found("only empty ones, or -1");
            return Err(finding.hint("name the file of the labels, or leave --labels out"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
