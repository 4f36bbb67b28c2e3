//! Labels that the user provides for the points, independent of the clustering. Entry i is the label of row i.
//!
//! A label is a text as written in the file; in a `.npy` of integers, it is the decimal number. An empty label and `-1` mean
//! that the row has no label. Memory is four bytes per row, and each different label once.

mod code;
mod levels;
mod list;
mod npy;
#[cfg(feature = "parquet")]
mod table;

use std::io::{BufRead, BufReader};
use std::path::Path;

use super::input_file::{self, BUFFER};
use super::lines::{Columns, each_line, each_record};
use super::npy::MAGIC;
use crate::base::error::Finding;
use code::Coder;

pub use levels::{Assignment, label_files, read_assignments};
pub use list::{LabelNames, Labels};

/// The column that holds labels if none is named.
const LABEL: &str = "label";

#[cfg(feature = "parquet")]
use table::read as table;

#[cfg(not(feature = "parquet"))]
fn table(_file: std::fs::File, path: &Path, _column: &str) -> Result<Labels, Finding> {
    Err(input_file::no_parquet(path))
}

impl Labels {
    /// Reads a `.npy` of integers or strings, a `.txt` with a label per line, or a `.csv` or Parquet file with a column `label`.
    ///
    /// # Errors
    /// A file that can't be read, another format, a number of entries other than `rows`, or no label at all.
    pub fn read(path: &Path, rows: u64) -> Result<Labels, Finding> {
        Labels::read_column(path, rows, None)
    }

    /// [`read`](Self::read), where the labels are in this column of a `.csv` or Parquet file; `None` for `label`.
    ///
    /// # Errors
    /// As [`read`](Self::read), and for a column of a file that has none.
    pub fn read_column(path: &Path, rows: u64, column: Option<&str>) -> Result<Labels, Finding> {
        let (file, metadata) = input_file::open(path)?;
        let mut reader = BufReader::with_capacity(BUFFER, file);
        let start = reader.fill_buf().map_err(|error| Finding::io("the file can't be read", path, &error))?;
        let extension = input_file::extension(path);
        let is_parquet = start.starts_with(b"PAR1") || extension == "parquet";
        if column.is_some() && !is_parquet && extension != "csv" {
            let finding = Finding::new("labels of this format have no columns with names").file(path);
            return Err(finding.hint("leave out --label-column, or name a .csv or .parquet file"));
        }
        let labels = match extension.as_str() {
            _ if is_parquet => table(reader.into_inner(), path, column.unwrap_or(LABEL))?,
            _ if start.starts_with(MAGIC) => npy::read(reader, path, metadata.len())?,
            "txt" | "lst" | "list" => {
                let mut coder = Coder::new(path);
                each_line(reader, path, "a label", |_, label| coder.text(label))?;
                coder.finish_texts()
            }
            "csv" => {
                let mut coder = Coder::new(path);
                let columns = Columns {
                    of: "labels",
                    option: "--label-column",
                    required: column.unwrap_or(LABEL),
                    optional: None,
                };
                each_record(reader, path, columns, |_, label, _| coder.text(label))?;
                coder.finish_texts()
            }
            _ => {
                return Err(Finding::new("the labels have an unknown format")
                    .file(path)
                    .expected(
                        "a .npy of integers or strings, a .txt with a label per line, or a .csv or .parquet with a `label` column",
                    )
                    .found(if extension.is_empty() { "no extension".to_owned() } else { format!(".{extension}") })
                    .hint("give the file the extension of its format"));
            }
        };
        labels.check(path, rows)?;
        Ok(labels)
    }
}

#[cfg(test)]
mod tests;
