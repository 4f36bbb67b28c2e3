//! Rows that lie one after the other.

use super::data_file::{ReadAt, with_buffer};
use super::element::Element;
use super::row_file::RowFile;
use crate::base::error::Error;

/// Bytes converted at a time, so that they stay in the cache.
const CHUNK: usize = 64 << 10;

/// A matrix in C order from byte `offset` on.
#[derive(Debug)]
pub(super) struct RowMajor {
    pub(super) source: Box<dyn ReadAt>,
    pub(super) offset: u64,
    pub(super) element: Element,
    pub(super) dim: usize,
}

impl RowFile for RowMajor {
    fn read(&self, first: u64, out: &mut [u8]) -> Result<(), Error> {
        let (size, delivered) = (self.element.size(), self.element.delivered().size());
        let mut offset = self.offset + first * (self.dim * size) as u64;
        if self.element.in_place() {
            return self.source.read_exact_at(offset, out);
        }
        with_buffer(CHUNK, |buffer| {
            for out in out.chunks_mut(CHUNK / size * delivered) {
                let stored = &mut buffer[..out.len() / delivered * size];
                self.source.read_exact_at(offset, stored)?;
                self.element.convert(stored, out);
                offset += stored.len() as u64;
            }
            Ok(())
        })
    }

    fn is_unpacked(&self) -> bool {
        self.source.is_unpacked()
    }
}
