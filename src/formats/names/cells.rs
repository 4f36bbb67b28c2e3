//! Names in an array of fixed-width strings (`<U16`, `|S16`), which allows random access.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use super::picked::{Picked, unreadable};
use crate::base::error::Finding;
use crate::base::numeric::to_usize;
use crate::formats::pickle::{Dtype, Shape};

/// The layout of an array of strings.
#[derive(Debug)]
pub(super) struct Cells {
    dtype: Dtype,
    rows: u64,
    /// 1 for paths, 2 for paths and captions.
    columns: u64,
    fortran: bool,
    /// Offset of the first string in bytes.
    offset: u64,
}

impl Cells {
    /// An array of strings whose data starts at byte `offset`.
    ///
    /// # Errors
    /// A shape other than that of a list of paths, or of paths with captions.
    pub(super) fn new(dtype: Dtype, shape: Shape, fortran: bool, offset: u64, file: &Path) -> Result<Self, Finding> {
        let (rows, columns) = match shape {
            Shape::Vector(rows) => (rows, 1),
            Shape::Matrix(rows, columns @ (1 | 2)) => (rows, columns),
            _ => {
                return Err(Finding::new("the array doesn't hold image names")
                    .file(file)
                    .expected("strings of shape (n,), (n, 1) or (n, 2)")
                    .found(format!("shape {shape}")));
            }
        };
        Ok(Cells { dtype, rows, columns, fortran, offset })
    }

    /// Number of names.
    pub(super) fn len(&self) -> u64 {
        self.rows
    }

    /// Refuses a file whose length is not that of the array.
    pub(super) fn check_size(&self, file: &Path, size: u64) -> Result<(), Finding> {
        let held = size.saturating_sub(self.offset);
        let expected = self.rows.checked_mul(self.columns).and_then(|cells| cells.checked_mul(self.dtype.size()));
        if expected == Some(held) {
            return Ok(());
        }
        Err(Finding::new("the file's size does not match its header")
            .file(file)
            .expected(format!("{} x {} strings of {} bytes", self.rows, self.columns, self.dtype.size()))
            .found(format!("{held} bytes after the header"))
            .hint("copy the file again, or write it again"))
    }

    /// Reads and passes only the entries of `rows`. The reader is at the start of the file.
    pub(super) fn read(
        &self,
        reader: &mut BufReader<File>,
        file: &Path,
        rows: impl Iterator<Item = u64>,
        picked: &mut Picked<'_>,
    ) -> Result<(), Finding> {
        // Opening the file checked its size, so a string is no longer than the file.
        let mut cell = vec![0; to_usize(self.dtype.size())];
        let mut position = 0u64;
        let mut text = |at: u64, row: u64| -> Result<String, Finding> {
            let start = self.offset + at;
            // A relative seek keeps the buffered bytes.
            let read = reader.seek_relative(start.wrapping_sub(position).cast_signed());
            read.and_then(|()| reader.read_exact(&mut cell)).map_err(|error| unreadable(file, &error))?;
            position = start + self.dtype.size();
            self.dtype.text(&cell).ok_or_else(|| self.not_text(file, row))
        };
        for row in rows {
            let path = text(self.position(row, 0), row)?;
            let caption = if self.columns == 2 { Some(text(self.position(row, 1), row)?) } else { None };
            picked.seen = row;
            picked.pass(&path, caption.as_deref());
        }
        Ok(())
    }

    /// Passes every name of an array in memory.
    pub(super) fn pass_all(&self, bytes: &[u8], file: &Path, picked: &mut Picked<'_>) -> Result<(), Finding> {
        let text = |row: u64, column: u64| {
            let start = to_usize(self.position(row, column));
            let end = start.checked_add(to_usize(self.dtype.size()));
            let cell = end.and_then(|end| bytes.get(start..end));
            cell.and_then(|cell| self.dtype.text(cell)).ok_or_else(|| self.not_text(file, row))
        };
        for row in 0..self.rows {
            let path = text(row, 0)?;
            let caption = if self.columns == 2 { Some(text(row, 1)?) } else { None };
            picked.pass(&path, caption.as_deref());
        }
        Ok(())
    }

    /// Offset of a string from the first one, in bytes.
    fn position(&self, row: u64, column: u64) -> u64 {
        let cell = if self.fortran { column * self.rows + row } else { row * self.columns + column };
        cell * self.dtype.size()
    }

    fn not_text(&self, file: &Path, row: u64) -> Finding {
        Finding::new("an image's name is not valid text")
            .file(file)
            .index(row)
            .expected("Unicode, or UTF-8 in bytes")
            .hint("write the names again from paths that are text: names with another encoding can't be opened by their text")
    }
}
