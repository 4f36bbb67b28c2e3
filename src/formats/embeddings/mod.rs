//! Embeddings: one or several files that form one matrix by rows.
//!
//! A file is of any container that `formats` lists, and files of several containers can form one matrix. Rows are read with
//! positioned reads rather than through a memory map: a truncated file or a failing disk is then an error that names file
//! and byte, not a signal that kills the program in hour six.

mod column_major;
mod copied_rows;
mod copying;
mod data_file;
mod element;
mod formats;
mod layout;
mod normalize;
mod npy;
mod npz;
#[cfg(feature = "parquet")]
mod parquet;
mod patterns;
mod pick;
mod row_file;
mod row_major;
mod safetensors;
mod spill;
mod vector_files;
mod zip;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Finding, Findings};
use crate::base::matrix::Dtype;
use crate::base::numeric::to_usize;
use crate::base::scale::Scale;
use crate::base::text::counted;

use copied_rows::CopiedRows;
pub use copied_rows::CopySummary;
pub use normalize::was_zero;
pub use patterns::{Expanded, Matches, expand};
use row_file::{Opened, RowFile};
pub use row_file::{ReadOptions, Untyped};

/// Number of files kept open. Further files are opened for each read, because systems limit the open files of a process,
/// often to 1,024.
const KEPT_OPEN: usize = 256;

/// One file of the embeddings.
#[derive(Debug)]
pub struct EmbeddingFile {
    /// The path as given.
    pub path: PathBuf,
    /// Rows in this file.
    pub rows: u64,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// Time of the last change, if the file system records it.
    pub mtime: Option<SystemTime>,
    /// Name of the container, such as `npy`.
    pub container: &'static str,
    /// The array or column that is read, if the container has names for them.
    pub array: Option<String>,
    /// What the user should know about the cost of reading the file.
    pub note: Option<String>,
    /// Names of the columns in their order; empty if they have none.
    columns: Vec<String>,
    first_row: u64,
    reader: Box<dyn RowFile>,
    /// Rows that are read from a copy instead.
    copy: Option<CopiedRows>,
}

/// The files that a glob matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matched {
    /// The glob as written.
    pub pattern: String,
    /// Number of files.
    pub files: usize,
    /// Number of their rows.
    pub rows: u64,
}

impl fmt::Display for Matched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}, {}", self.pattern, counted(self.files, "file"), counted(self.rows, "row"))
    }
}

/// A matrix `[rows, dim]`, delivered as little-endian elements, row-major, from one or several files.
#[derive(Debug)]
pub struct Embeddings {
    files: Vec<EmbeddingFile>,
    rows: u64,
    dim: usize,
    /// Type of the rows before they are normalised.
    dtype: Dtype,
    /// Whether rows are divided by their norm when they are read.
    normalized: bool,
    scale: Scale,
}

impl Embeddings {
    /// Opens the files and checks each header against its file's size and the other files. Adds every problem to `findings`;
    /// the result is then `None`.
    pub fn open(paths: &[PathBuf], findings: &mut Findings) -> Option<Embeddings> {
        Embeddings::open_with(paths, &ReadOptions::default(), findings)
    }

    /// [`open`](Self::open), where `options` say which array of a file is meant.
    pub fn open_with(paths: &[PathBuf], options: &ReadOptions, findings: &mut Findings) -> Option<Embeddings> {
        let before = findings.count();
        let mut embeddings: Option<Embeddings> = None;
        for (number, path) in paths.iter().enumerate() {
            let opened = open_one(path, options, number < KEPT_OPEN);
            let Some((file, dim, dtype)) = findings.take(opened) else { continue };
            match &mut embeddings {
                None => {
                    let (rows, files) = (file.rows, vec![file]);
                    embeddings = Some(Embeddings { rows, files, dim, dtype, normalized: false, scale: Scale::ONE });
                }
                Some(all) => {
                    findings.take(all.append(file, dim, dtype));
                }
            }
        }
        if paths.is_empty() {
            findings.push(Finding::new("no embeddings were named").expected("at least one file, such as X.npy"));
        }
        if let Some(unused) = embeddings.as_ref().filter(|_| findings.count() == before).and_then(|e| e.unused(options))
        {
            findings.push_usage(unused);
        }
        embeddings.filter(|_| findings.count() == before)
    }

    /// Refuses an array or a column that is named although no file has named ones.
    fn unused(&self, options: &ReadOptions) -> Option<Finding> {
        let has = |containers: &[&str]| self.files.iter().any(|file| containers.contains(&file.container));
        let (option, name, kinds) = match options {
            ReadOptions { array: Some(name), .. } if !has(&["npz", "safetensors"]) => {
                ("--array", name, ".npz or .safetensors")
            }
            ReadOptions { column: Some(name), .. } if !has(&["parquet"]) => ("--column", name, "Parquet"),
            _ => return None,
        };
        let finding =
            Finding::new(format!("{option} names an array, but no file of the embeddings has arrays with names"));
        let finding =
            finding.file(&self.files.first()?.path).expected(format!("a {kinds} file")).found(format!("`{name}`"));
        Some(finding.hint(format!("leave out {option}")))
    }

    fn append(&mut self, mut file: EmbeddingFile, dim: usize, dtype: Dtype) -> Result<(), Finding> {
        if (dim, dtype) != (self.dim, self.dtype) {
            let first = self.files[0].path.display();
            return Err(Finding::new("the files of the embeddings differ in columns or type")
                .file(file.path)
                .expected(format!("{} columns of {}, as in {first}", self.dim, self.dtype.descr()))
                .found(format!("{dim} columns of {}", dtype.descr()))
                .hint("name only files of one model and one type"));
        }
        let named = self.files.iter().find(|earlier| !earlier.columns.is_empty());
        if let Some(earlier) = named.filter(|earlier| !file.columns.is_empty() && earlier.columns != file.columns) {
            let place = earlier.columns.iter().zip(&file.columns).take_while(|(a, b)| a == b).count();
            let name = |file: &EmbeddingFile| file.columns.get(place).cloned().unwrap_or_default();
            return Err(Finding::new("the columns of the embeddings have other names, or another order")
                .expected(format!("`{}` in place {place}, as in {}", name(earlier), earlier.path.display()))
                .found(format!("`{}`", name(&file)))
                .file(file.path)
                .hint("write the files again with their columns in one order, or as one column of lists"));
        }
        file.first_row = self.rows;
        self.rows =
            self.rows.checked_add(file.rows).ok_or_else(|| Finding::new("the embeddings have more than 2^64 rows"))?;
        self.files.push(file);
        Ok(())
    }

    /// Number of rows of all files together.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Number of columns, d.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Type of an element of the rows that [`Embeddings::read_rows`] delivers.
    pub fn dtype(&self) -> Dtype {
        if self.normalized { normalize::delivered(self.dtype) } else { self.dtype }
    }

    /// Type of an element before rows are normalised: that of the files, but for int8, uint8 and bfloat16, which are widened.
    pub fn stored_dtype(&self) -> Dtype {
        self.dtype
    }

    /// Whether rows are divided by their norm when they are read.
    pub fn is_normalized(&self) -> bool {
        self.normalized
    }

    /// From now on, rows are divided by their Euclidean norm when they are read: float16 and float32 rows are delivered as
    /// float32, float64 rows as float64. A row without a norm is delivered as NaN: one with a NaN or an infinity, and one of
    /// zeros, which [`was_zero`] recognises.
    pub fn normalize(&mut self) {
        self.normalized = true;
    }

    /// The scale by which rows are divided when they are read.
    pub fn scale(&self) -> Scale {
        self.scale
    }

    /// From now on, rows are divided by `scale` when they are read.
    ///
    /// # Panics
    /// If the rows are not float64, or are normalised.
    pub fn divide_by(&mut self, scale: Scale) {
        let divisible = self.dtype == Dtype::F64 && !self.normalized;
        assert!(scale == Scale::ONE || divisible, "only float64 rows are divided");
        self.scale = scale;
    }

    /// Bytes of one row as it is delivered.
    pub fn row_bytes(&self) -> usize {
        self.dim * self.dtype().size()
    }

    /// Bytes of one row before it is normalised.
    pub fn stored_row_bytes(&self) -> usize {
        self.dim * self.dtype.size()
    }

    /// The files, in the order of their rows.
    pub fn files(&self) -> &[EmbeddingFile] {
        &self.files
    }

    /// What the user should know about the cost of reading: the notes of the first files that are slow to read.
    pub fn notes(&self) -> Vec<String> {
        const SHOWN: usize = 3;
        let notes: Vec<&String> = self.files.iter().filter_map(|file| file.note.as_ref()).collect();
        let more = notes.len().saturating_sub(SHOWN);
        let more = (more > 0).then(|| format!("the same holds for {more} more files of the embeddings"));
        notes.into_iter().take(SHOWN).cloned().chain(more).collect()
    }

    /// The arrays that are read, one text a file; empty if every file is a `.npy`.
    pub fn arrays(&self) -> Vec<String> {
        if self.files.iter().all(|file| file.container == "npy") {
            return Vec::new();
        }
        let text = |file: &EmbeddingFile| match &file.array {
            Some(array) => format!("{}: {array}", file.container),
            None => file.container.to_owned(),
        };
        self.files.iter().map(text).collect()
    }

    /// What each glob matched, in files and rows.
    pub fn matched(&self, matches: &[Matches]) -> Vec<Matched> {
        let each = |of: &Matches| {
            let files = self.files.get(of.first..of.first + of.files).unwrap_or_default();
            let rows = files.iter().map(|file| file.rows).sum();
            Matched { pattern: of.pattern.clone(), files: files.len(), rows }
        };
        matches.iter().map(each).collect()
    }

    /// The file that holds a row.
    ///
    /// # Panics
    /// For a row past the end.
    pub fn file_of(&self, row: u64) -> &EmbeddingFile {
        &self.files[self.files.partition_point(|file| file.first_row + file.rows <= row)]
    }

    /// Fills `out` with the rows from `first` on: the stored values without loss, normalised if that was asked for, or else
    /// divided by the scale if it isn't 1. The length of `out` is a multiple of `row_bytes()`. Any number of threads can read
    /// at once.
    ///
    /// # Errors
    /// Rows past the end, an error of the disk, or a file that became shorter after it was opened.
    pub fn read_rows(&self, first: u64, out: &mut [u8]) -> Result<(), Error> {
        let row_bytes = self.row_bytes();
        let count = out.len() / row_bytes;
        let end = first.checked_add(count as u64);
        let end = end.filter(|&end| end <= self.rows && out.len().is_multiple_of(row_bytes));
        if end.is_none() {
            return Err(Error::failed(
                Finding::new("a read goes past the end of the embeddings")
                    .index(first)
                    .expected(format!("whole rows of {row_bytes} bytes within {} rows", self.rows))
                    .found(format!("{} bytes from row {first} on", out.len())),
            ));
        }
        // stored rows may be shorter than delivered ones, which replace them from the front
        let start = out.len() - count * self.stored_row_bytes();
        self.read_stored(first, &mut out[start..])?;
        if self.normalized {
            normalize::rows(self.dtype, self.dim, out);
        }
        if self.scale != Scale::ONE {
            for value in out.as_chunks_mut().0 {
                *value = self.scale.divide(f64::from_le_bytes(*value)).to_le_bytes();
            }
        }
        Ok(())
    }

    /// Fills `out` with the stored bytes of the rows from `first` on, which exist.
    fn read_stored(&self, first: u64, out: &mut [u8]) -> Result<(), Error> {
        let row_bytes = self.stored_row_bytes();
        let mut row = first;
        let mut rest = out;
        let mut index = self.files.partition_point(|file| file.first_row + file.rows <= first);
        while !rest.is_empty() {
            let file = &self.files[index];
            let in_file = row - file.first_row;
            let wanted = (rest.len() / row_bytes) as u64;
            let rows = to_usize(wanted.min(file.rows - in_file));
            let (part, later) = rest.split_at_mut(rows * row_bytes);
            match &file.copy {
                None => file.reader.read(in_file, part)?,
                Some(copy) => copy.read(in_file, part, file.reader.as_ref())?,
            }
            row += rows as u64;
            rest = later;
            index += 1;
        }
        Ok(())
    }
}

fn open_one(path: &Path, options: &ReadOptions, keep_open: bool) -> Result<(EmbeddingFile, usize, Dtype), Finding> {
    let (format, metadata, opened) = formats::open(path, options, keep_open)?;
    let Opened { rows, dim, dtype, array, note, columns, reader } = opened;
    let file = EmbeddingFile {
        path: path.to_owned(),
        rows,
        bytes: metadata.len(),
        mtime: metadata.modified().ok(),
        container: format.name,
        array,
        note,
        columns,
        first_row: 0,
        reader,
        copy: None,
    };
    Ok((file, dim, dtype))
}

#[cfg(test)]
mod tests;
