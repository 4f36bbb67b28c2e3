//! One file of rows: the trait that every container implements, and what opening a file tells.

use std::fmt::Debug;
use std::fs::File;
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Finding};
use crate::base::matrix::Dtype;

/// Rows of one file, `[rows, dim]`, delivered as little-endian elements of one type, row-major.
pub(super) trait RowFile: Debug + Send + Sync {
    /// Fills `out` with the rows from `first` on. The caller has checked that they exist and that `out` holds whole rows. Any
    /// number of threads can read at once.
    ///
    /// # Errors
    /// An error of the disk, a file that changed, or content that is not what the header promised.
    fn read(&self, first: u64, out: &mut [u8]) -> Result<(), Error>;

    /// Whether all rows are unpacked to a temporary file first: another copy would gain nothing.
    fn is_unpacked(&self) -> bool {
        false
    }
}

/// How to read arrays where a file leaves a choice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// Name of the array in a `.npz` or `.safetensors` file; `None` for the only matrix in it.
    pub array: Option<String>,
    /// Name of the column of vectors in a Parquet file, or a glob over columns of numbers; `None` for the only one.
    pub column: Option<String>,
    /// Type of elements that the file does not name.
    pub untyped: Option<Untyped>,
    /// Folder for temporary files; `None` for the system's.
    pub scratch: Option<PathBuf>,
}

/// Type of the two-byte elements that NumPy calls `V2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Untyped {
    /// bfloat16: the upper half of a float32.
    #[serde(rename = "bf16", alias = "bfloat16")]
    #[cfg_attr(feature = "cli", value(name = "bf16", alias = "bfloat16"))]
    Bf16,
}

/// A file to be opened as embeddings.
pub(super) struct Candidate<'a> {
    pub(super) path: &'a Path,
    pub(super) file: File,
    /// Size in bytes.
    pub(super) bytes: u64,
    pub(super) options: &'a ReadOptions,
    /// Whether the file may stay open.
    pub(super) keep_open: bool,
}

/// An opened file of rows.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) rows: u64,
    pub(super) dim: usize,
    /// Type in which rows are delivered.
    pub(super) dtype: Dtype,
    /// The array or column that is read, if the file has names for them.
    pub(super) array: Option<String>,
    /// What the user should know about the cost of reading.
    pub(super) note: Option<String>,
    /// Names of the columns in their order; empty if they have none.
    pub(super) columns: Vec<String>,
    pub(super) reader: Box<dyn RowFile>,
}

/// Checks a shape that a header names: neither empty nor beyond the address space. Returns the number of columns.
pub(super) fn checked_shape(path: &Path, rows: u64, dim: u64, dtype: Dtype) -> Result<usize, Finding> {
    if rows == 0 || dim == 0 {
        return Err(Finding::new("the embeddings are empty")
            .file(path)
            .expected("at least one row and one column")
            .found(format!("{rows} rows of {dim} columns"))
            .hint("check what wrote the file, or leave it out of the list"));
    }
    let bytes = usize::try_from(dim).ok().and_then(|dim| dim.checked_mul(dtype.size()));
    match (bytes.filter(|bytes| isize::try_from(*bytes).is_ok()), usize::try_from(dim)) {
        (Some(_), Ok(dim)) => Ok(dim),
        _ => Err(Finding::new("a row exceeds the address space of this machine")
            .file(path)
            .expected("a row that fits into memory")
            .found(format!("{dim} columns"))
            .hint("check the file")),
    }
}
