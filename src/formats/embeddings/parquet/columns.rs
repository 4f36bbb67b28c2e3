//! Rows over many columns, one a dimension. A row lies in as many places as it has columns, each in a page of its own, so the
//! columns are decoded once, when the first row is read, to a temporary file without a name. Rows are read from that as from
//! an array in Fortran order.

use std::path::PathBuf;
use std::sync::OnceLock;

use super::super::data_file::ReadAt;
use super::super::spill::{self, Spill};
use super::chunk::{Chunk, Column, Values};
use crate::base::error::{Error, Finding};
use crate::base::numeric::to_usize;
use crate::base::signals;

/// The columns, one after the other.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) column: Column,
    /// For each column, its chunk in each row group.
    pub(super) chunks: Vec<Vec<Chunk>>,
    pub(super) folder: PathBuf,
    /// Bytes of all columns.
    pub(super) bytes: u64,
    pub(super) spill: OnceLock<Result<Spill, Finding>>,
}

impl ReadAt for Columns {
    fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> Result<(), Error> {
        // other threads wait for the one that decodes
        let decode = || self.decode().map_err(|e| e.findings().kept().first().cloned().unwrap_or_default());
        match self.spill.get_or_init(decode) {
            Ok(spill) => spill.read_exact_at(offset, out),
            Err(finding) => {
                signals::go_on()?;
                Err(Error::input(finding.clone()))
            }
        }
    }
}

impl Columns {
    fn decode(&self) -> Result<Spill, Error> {
        spill::check_room(&self.folder, self.bytes, self.column.path()).map_err(Error::input)?;
        let mut spill = Spill::create(&self.folder)?;
        let mut values = Values::default();
        for chunk in self.chunks.iter().flatten() {
            let pages = chunk.pages(&self.column)?;
            let dictionary = pages.dictionary.as_ref().map(|page| chunk.dictionary(&self.column, page)).transpose()?;
            for page in &pages.data {
                chunk.decode(&self.column, page, dictionary.as_deref(), &mut values)?;
                spill.append(&values.bytes[values.start..][..to_usize(page.count) * self.column.width])?;
            }
        }
        Ok(spill)
    }
}
