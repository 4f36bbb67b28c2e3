//! Rows over many columns, one a dimension. A row lies in as many places as it has columns, each in a page of its own, so the
//! columns are decoded once, when the first row is read, to a temporary file without a name. Rows are read from that as from
//! an array in Fortran order.

use super::super::data_file::ReadAt;
use super::super::spill::{Lazy, Spill};
use super::chunk::{Chunk, Column, Values};
use crate::base::error::Error;
use crate::base::numeric::to_usize;

/// The columns, one after the other.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) column: Column,
    /// For each column, its chunk in each row group.
    pub(super) chunks: Vec<Vec<Chunk>>,
    /// All columns, decoded.
    pub(super) spill: Lazy,
}

impl ReadAt for Columns {
    fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> Result<(), Error> {
        self.spill.read_exact_at(offset, out, |spill| self.decode(spill))
    }

    fn is_unpacked(&self) -> bool {
        true
    }
}

impl Columns {
    fn decode(&self, spill: &mut Spill) -> Result<(), Error> {
        let mut values = Values::default();
        for chunk in self.chunks.iter().flatten() {
            let pages = chunk.pages(&self.column)?;
            let dictionary = pages.dictionary.as_ref().map(|page| chunk.dictionary(&self.column, page)).transpose()?;
            for page in &pages.data {
                chunk.decode(&self.column, page, dictionary.as_deref(), &mut values)?;
                spill.append(&values.bytes[values.start..][..to_usize(page.count) * self.column.width])?;
            }
        }
        Ok(())
    }
}
