//! Labels that the user provides for the points, independent of the clustering. Entry i is the label of row i.
//!
//! A label is a text as written in the file; in a `.npy` of integers, it is the decimal number. An empty label and `-1` mean
//! that the row has no label. Memory is four bytes per row, and each different label once.

mod code;
mod levels;
mod list;
mod npy;

use std::io::{BufRead, BufReader};
use std::path::Path;

use super::input_file::{self, BUFFER};
use super::lines::{Columns, each_line, each_record};
use super::npy::MAGIC;
use crate::base::error::Finding;
use code::Coder;

pub use levels::{Assignment, label_files, read_assignments};
pub use list::{LabelNames, Labels};

impl Labels {
    /// Reads a `.npy` of integers or strings, a `.txt` with a label per line, or a `.csv` with a column `label`.
    ///
    /// # Errors
    /// A file that can't be read, another format, a number of entries other than `rows`, or no label at all.
    pub fn read(path: &Path, rows: u64) -> Result<Labels, Finding> {
        let (file, metadata) = input_file::open(path)?;
        let mut reader = BufReader::with_capacity(BUFFER, file);
        let start = reader.fill_buf().map_err(|error| Finding::io("the file can't be read", path, &error))?;
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("").to_ascii_lowercase();
        let labels = match extension.as_str() {
            _ if start.starts_with(MAGIC) => npy::read(reader, path, metadata.len())?,
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
                return Err(Finding::new("the labels have an unknown format")
                    .file(path)
                    .expected(
                        "a .npy of integers or strings, a .txt with a label per line, or a .csv with a `label` column",
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
