//! Rows that are lists: one column, whose values lie one after the other.

use std::sync::{Arc, Mutex, PoisonError};

use super::super::data_file::ReadAt;
use super::super::row_file::RowFile;
use super::chunk::{Chunk, Column, Page, Values};
use crate::base::error::Error;
use crate::base::numeric::to_usize;

/// Decoded pages and dictionaries that are kept, in bytes and in number. Neighbouring tiles share a page.
const KEPT_BYTES: usize = 32 << 20;
const KEPT: usize = 64;

/// A column of lists of one length.
#[derive(Debug)]
pub(super) struct Lists {
    pub(super) column: Column,
    /// One chunk a row group.
    pub(super) chunks: Vec<Chunk>,
    pub(super) kept: Kept,
}

impl RowFile for Lists {
    fn read(&self, first: u64, out: &mut [u8]) -> Result<(), Error> {
        let dim = self.column.dim;
        let row_bytes = to_usize(dim) * self.column.width;
        let mut row = first;
        let mut rest = out;
        let mut index = self.chunks.partition_point(|chunk| chunk.first_row + chunk.values / dim <= first);
        while !rest.is_empty() {
            let chunk = &self.chunks[index];
            let in_chunk = row - chunk.first_row;
            let rows = ((rest.len() / row_bytes) as u64).min(chunk.values / dim - in_chunk);
            let (part, later) = rest.split_at_mut(to_usize(rows) * row_bytes);
            self.read_values(index, in_chunk * dim, part)?;
            row += rows;
            rest = later;
            index += 1;
        }
        Ok(())
    }
}

impl Lists {
    /// Fills `out` with the values of a chunk from `value` on.
    fn read_values(&self, index: usize, mut value: u64, mut out: &mut [u8]) -> Result<(), Error> {
        let (chunk, width) = (&self.chunks[index], self.column.width);
        let pages = chunk.pages(&self.column)?;
        let mut at = pages.data.partition_point(|page| page.first + page.count <= value);
        while !out.is_empty() {
            let Some(page) = pages.data.get(at) else { return Err(self.column.damaged("fewer values than rows")) };
            let skipped = to_usize(value - page.first) * width;
            let length = out.len().min(to_usize(page.count) * width - skipped);
            let (part, later) = out.split_at_mut(length);
            match chunk.in_place(&self.column, page)? {
                Some(offset) => self.column.file.read_exact_at(offset + skipped as u64, part)?,
                None => self.decoded((index, at), page, part.len() == to_usize(page.count) * width, |values| {
                    part.copy_from_slice(&values[skipped..][..part.len()]);
                })?,
            }
            value += (length / width) as u64;
            out = later;
            at += 1;
        }
        Ok(())
    }

    /// Calls `use_it` with the values of a page. They are kept unless the caller takes `all` of them.
    fn decoded(&self, key: (usize, usize), page: &Page, all: bool, use_it: impl FnOnce(&[u8])) -> Result<(), Error> {
        if let Some(values) = self.kept.get(key) {
            use_it(&values.bytes[values.start..]);
            return Ok(());
        }
        let chunk = &self.chunks[key.0];
        let mut values = self.kept.spare();
        let dictionary = self.dictionary(key.0)?;
        let dictionary = dictionary.as_ref().map(|values| values.bytes.as_slice());
        chunk.decode(&self.column, page, dictionary, &mut values)?;
        use_it(&values.bytes[values.start..]);
        if all {
            self.kept.give_back(values)
        } else {
            self.kept.put(key, Arc::new(values))
        }
        Ok(())
    }

    fn dictionary(&self, index: usize) -> Result<Option<Arc<Values>>, Error> {
        let chunk = &self.chunks[index];
        let Some(page) = &chunk.pages(&self.column)?.dictionary else { return Ok(None) };
        // no page has this number
        let key = (index, usize::MAX);
        if let Some(values) = self.kept.get(key) {
            return Ok(Some(values));
        }
        let values = Arc::new(Values { bytes: chunk.dictionary(&self.column, page)?, start: 0 });
        self.kept.put(key, Arc::clone(&values));
        Ok(Some(values))
    }
}

/// Decoded pages by chunk and number, the latest last, and memory for further ones.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    pages: Vec<((usize, usize), Arc<Values>)>,
    spare: Vec<Values>,
}

impl Kept {
    fn with<T>(&self, use_it: impl FnOnce(&mut State) -> T) -> T {
        use_it(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn get(&self, key: (usize, usize)) -> Option<Arc<Values>> {
        self.with(|state| {
            let at = state.pages.iter().position(|(kept, _)| *kept == key)?;
            state.pages[at..].rotate_left(1);
            state.pages.last().map(|(_, values)| Arc::clone(values))
        })
    }

    fn put(&self, key: (usize, usize), values: Arc<Values>) {
        self.with(|state| {
            if state.pages.iter().any(|(kept, _)| *kept == key) {
                return;
            }
            state.pages.push((key, values));
            while state.pages.len() > 1 && (state.pages.len() > KEPT || state.bytes() > KEPT_BYTES) {
                let (_, oldest) = state.pages.remove(0);
                if let Some(values) = Arc::into_inner(oldest) {
                    state.keep_memory(values);
                }
            }
        });
    }

    /// Memory to decode into, of any content.
    fn spare(&self) -> Values {
        self.with(|state| state.spare.pop()).unwrap_or_default()
    }

    fn give_back(&self, values: Values) {
        self.with(|state| state.keep_memory(values));
    }
}

impl State {
    fn bytes(&self) -> usize {
        self.pages.iter().map(|(_, values)| values.bytes.capacity()).sum()
    }

    fn keep_memory(&mut self, values: Values) {
        let spare: usize = self.spare.iter().map(|values| values.bytes.capacity()).sum();
        if spare + values.bytes.capacity() <= KEPT_BYTES {
            self.spare.push(values);
        }
    }
}
