//! Embeddings: one or several `.npy` files that form one matrix by rows.
//!
//! Rows are read with positioned reads rather than through a memory map: a truncated file or a failing disk is then an error
//! that names file and byte, not a signal that kills the program in hour six.

mod layout;
mod normalize;
mod patterns;

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{input_file, npy};
use crate::base::error::{Error, Finding, Findings};
use crate::base::matrix::Dtype;
use crate::base::numeric::to_usize;
use crate::base::scale::Scale;
use crate::base::text::counted;

pub use normalize::was_zero;
pub use patterns::{Expanded, Matches, expand};

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
    first_row: u64,
    data_offset: u64,
    handle: Option<File>,
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

/// A matrix `[rows, dim]` of little-endian elements, row-major, in one or several files.
#[derive(Debug)]
pub struct Embeddings {
    files: Vec<EmbeddingFile>,
    rows: u64,
    dim: usize,
    /// As stored.
    dtype: Dtype,
    /// Whether rows are divided by their norm when they are read.
    normalized: bool,
    scale: Scale,
}

impl Embeddings {
    /// Opens the files and checks each header against its file's size and the other files. Adds every problem to `findings`;
    /// the result is then `None`.
    pub fn open(paths: &[PathBuf], findings: &mut Findings) -> Option<Embeddings> {
        let before = findings.count();
        let mut embeddings: Option<Embeddings> = None;
        for path in paths {
            let Some((file, dim, dtype)) = findings.take(open_one(path)) else { continue };
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
            findings.push(Finding::new("no embeddings were named").expected("at least one .npy file"));
        }
        embeddings.filter(|_| findings.count() == before)
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
        file.first_row = self.rows;
        if self.files.len() >= KEPT_OPEN {
            file.handle = None;
        }
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

    /// Type of an element in the files.
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

    /// Bytes of one row in the files.
    pub fn stored_row_bytes(&self) -> usize {
        self.dim * self.dtype.size()
    }

    /// The files, in the order of their rows.
    pub fn files(&self) -> &[EmbeddingFile] {
        &self.files
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

    /// Fills `out` with the rows from `first` on: the stored bytes, normalised if that was asked for, or else divided by the
    /// scale if it isn't 1. The length of `out` is a multiple of `row_bytes()`. Any number of threads can read at once.
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
            file.read(file.data_offset + in_file * row_bytes as u64, part)?;
            row += rows as u64;
            rest = later;
            index += 1;
        }
        Ok(())
    }
}

impl EmbeddingFile {
    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), Error> {
        let cannot = |e: &std::io::Error| Error::io("can't read the embeddings", &self.path, e);
        match &self.handle {
            Some(file) => read_exact_at(file, &self.path, offset, out),
            None => read_exact_at(&File::open(&self.path).map_err(|e| cannot(&e))?, &self.path, offset, out),
        }
    }
}

/// Fills `out` with the bytes from `offset` on.
fn read_exact_at(file: &File, path: &Path, mut offset: u64, mut out: &mut [u8]) -> Result<(), Error> {
    while !out.is_empty() {
        match read_at(file, out, offset) {
            Ok(0) => {
                return Err(Error::failed(
                    Finding::new("the embeddings file became shorter during the run")
                        .file(path)
                        .expected(format!("{} more bytes at byte {offset}", out.len()))
                        .found("the end of the file")
                        .hint("restore the file, then run again"),
                ));
            }
            Ok(count) => {
                offset += count as u64;
                out = &mut out[count..];
            }
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => {
                let finding = Finding::io("can't read the embeddings", path, &e);
                return Err(Error::failed(finding.found(format!("{e}, at byte {offset}"))));
            }
        }
    }
    Ok(())
}

#[cfg(unix)]
fn read_at(file: &File, out: &mut [u8], offset: u64) -> std::io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, out, offset)
}

/// Also moves the file's cursor, which nothing here uses, so threads don't interfere.
#[cfg(windows)]
fn read_at(file: &File, out: &mut [u8], offset: u64) -> std::io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, out, offset)
}

fn open_one(path: &Path) -> Result<(EmbeddingFile, usize, Dtype), Finding> {
    let hint = "name the .npy file itself; for all files of a folder, write a pattern such as 'FOLDER/*.npy'";
    let (mut file, metadata) = input_file::open_or_advise(path, hint)?;
    let header = npy::parse_header(&mut file, path)?;
    let (rows, dim, dtype) = layout::check(&header, path)?;
    header.check_length(dtype.size(), metadata.len(), path)?;
    let file = EmbeddingFile {
        path: path.to_owned(),
        rows,
        bytes: metadata.len(),
        mtime: metadata.modified().ok(),
        first_row: 0,
        data_offset: header.data_offset,
        handle: Some(file),
    };
    Ok((file, dim, dtype))
}

#[cfg(test)]
mod tests;
