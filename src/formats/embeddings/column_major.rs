//! Columns that lie one after the other: Fortran order, and tables with a column per dimension.

use super::data_file::{ReadAt, with_buffer};
use super::element::Element;
use super::row_file::RowFile;
use crate::base::error::Error;

/// Columns gathered at a time: about a cache line of each row.
const COLUMNS: usize = 16;

/// Rows gathered at a time, so that their columns stay in the cache.
const ROWS: usize = 4096;

/// A matrix in Fortran order from byte `offset` on.
#[derive(Debug)]
pub(super) struct ColumnMajor {
    pub(super) source: Box<dyn ReadAt>,
    pub(super) offset: u64,
    pub(super) element: Element,
    pub(super) rows: u64,
    pub(super) dim: usize,
}

impl RowFile for ColumnMajor {
    fn read(&self, mut first: u64, out: &mut [u8]) -> Result<(), Error> {
        let row_bytes = self.dim * self.element.delivered().size();
        for out in out.chunks_mut(ROWS * row_bytes) {
            let rows = out.len() / row_bytes;
            match self.element.delivered().size() {
                2 => self.gather::<2>(first, rows, out)?,
                4 => self.gather::<4>(first, rows, out)?,
                _ => self.gather::<8>(first, rows, out)?,
            }
            first += rows as u64;
        }
        Ok(())
    }

    fn is_unpacked(&self) -> bool {
        self.source.is_unpacked()
    }
}

impl ColumnMajor {
    /// Reads `rows` rows, whose delivered elements have `N` bytes.
    fn gather<const N: usize>(&self, first: u64, rows: usize, out: &mut [u8]) -> Result<(), Error> {
        let size = self.element.size();
        let (stored, block) = (rows * size, rows * N);
        with_buffer(stored + COLUMNS * block, |buffer| {
            let (stored, columns) = buffer.split_at_mut(stored);
            for from in (0..self.dim).step_by(COLUMNS) {
                let count = COLUMNS.min(self.dim - from);
                for (column, place) in (from..).zip(columns.chunks_mut(block).take(count)) {
                    let offset = self.offset + (column as u64 * self.rows + first) * size as u64;
                    self.source.read_exact_at(offset, stored)?;
                    self.element.convert(stored, place);
                }
                let (out, _) = out.as_chunks_mut::<N>();
                for (row, out) in out.chunks_mut(self.dim).enumerate() {
                    for (column, out) in out[from..from + count].iter_mut().enumerate() {
                        out.copy_from_slice(&columns[column * block + row * N..][..N]);
                    }
                }
            }
            Ok(())
        })
    }
}
