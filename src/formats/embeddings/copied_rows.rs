//! Rows that are read from copies on the machine's own disk. A copy holds them as its file's reader delivers them, so that some
//! rows of any container can be copied.

use std::ops::Range;

use super::data_file::{DataFile, ReadAt};
use super::row_file::RowFile;
use crate::base::error::Error;
use crate::base::numeric::to_usize;

/// The rows of a file that have a copy.
#[derive(Debug)]
pub(super) struct CopiedRows {
    /// Numbers within the file.
    pub(super) rows: Range<u64>,
    pub(super) row_bytes: usize,
    pub(super) copy: DataFile,
}

/// What was copied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CopySummary {
    /// Bytes that this process copied.
    pub copied: u64,
    /// Bytes that are read from copies, its own or those of other processes.
    pub in_copies: u64,
    /// Bytes that were to be copied, and those that the disk had available, if that was too little.
    pub no_room: Option<(u64, u64)>,
}

impl CopiedRows {
    /// Fills `out` with rows of the file: those that have a copy from there, the others from the `source`.
    pub(super) fn read(&self, first: u64, out: &mut [u8], source: &dyn RowFile) -> Result<(), Error> {
        let count = (out.len() / self.row_bytes) as u64;
        let before = self.rows.start.clamp(first, first + count);
        let after = self.rows.end.clamp(before, first + count);
        let bytes = |rows: u64| to_usize(rows) * self.row_bytes;
        let (head, rest) = out.split_at_mut(bytes(before - first));
        let (middle, tail) = rest.split_at_mut(bytes(after - before));
        if !head.is_empty() {
            source.read(first, head)?;
        }
        if !middle.is_empty() {
            self.copy.read_exact_at((before - self.rows.start) * self.row_bytes as u64, middle)?;
        }
        if tail.is_empty() { Ok(()) } else { source.read(after, tail) }
    }
}
