//! One column of one row group: where its pages lie, and their values.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use parquet::basic::Compression;
use parquet::file::metadata::ColumnChunkMetaData;

use super::super::data_file::{DataFile, ReadAt, with_buffer};
use super::codec::{decompress, is_known};
use super::hybrid::{Run, Runs, unpack};
use super::levels::{Highest, Levels, Wrong};
use crate::base::error::{Error, Finding};
use crate::formats::parquet::page_header::{Kind, PageHeader, page_header};

/// Bytes read for the header of a page, and for one with long statistics.
const HEADERS: [usize; 2] = [256, 1 << 20];

const PLAIN: u32 = 0;
const DICTIONARY: [u32; 2] = [2, 8];
const BYTE_STREAM_SPLIT: u32 = 9;
const RLE: u32 = 3;

/// What all chunks of a column share.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) file: DataFile,
    /// Bytes of a value.
    pub(super) width: usize,
    pub(super) highest: Highest,
    /// Values of a row.
    pub(super) dim: u64,
}

impl Column {
    pub(super) fn path(&self) -> &PathBuf {
        &self.file.path
    }

    pub(super) fn damaged(&self, found: impl Into<String>) -> Error {
        let finding =
            Finding::new("the Parquet file is damaged, or written in a way that is not supported").file(self.path());
        Error::input(finding.found(found).hint("write it again with PyArrow or pandas, or copy it again"))
    }
}

/// The values of a column in one row group.
#[derive(Debug)]
pub(super) struct Chunk {
    start: u64,
    end: u64,
    /// Row of the file that the chunk starts with.
    pub(super) first_row: u64,
    /// Number of values, missing ones included.
    pub(super) values: u64,
    codec: Compression,
    pages: OnceLock<Pages>,
}

/// The pages of a chunk.
#[derive(Debug)]
pub(super) struct Pages {
    pub(super) dictionary: Option<Page>,
    pub(super) data: Vec<Page>,
}

/// A page, without its header.
#[derive(Debug)]
pub(super) struct Page {
    at: u64,
    header: PageHeader,
    /// Index in the chunk of the first value.
    pub(super) first: u64,
    /// Number of values.
    pub(super) count: u64,
    /// Where the values of a page that is read in place start, plus 1; 0 before its levels were checked.
    values_at: AtomicU32,
}

/// The values of a page: `bytes[start..]`.
#[derive(Debug, Default)]
pub(super) struct Values {
    pub(super) bytes: Vec<u8>,
    pub(super) start: usize,
}

impl Chunk {
    pub(super) fn new(metadata: &ColumnChunkMetaData, first_row: u64, file_bytes: u64) -> Result<Chunk, String> {
        let number = |value: i64| u64::try_from(value).map_err(|_| format!("a negative number, {value}"));
        let first = metadata.dictionary_page_offset().filter(|&at| at > 0 && at < metadata.data_page_offset());
        let start = number(first.unwrap_or(metadata.data_page_offset()))?;
        let end = number(metadata.compressed_size())?.checked_add(start).filter(|&end| end <= file_bytes);
        if metadata.file_path().is_some_and(|path| !path.is_empty()) {
            return Err("columns in other files".to_owned());
        }
        let codec = metadata.compression();
        if !is_known(codec) {
            return Err(format!("pages compressed by {codec}"));
        }
        let end = end.ok_or_else(|| "a column that reaches beyond the file".to_owned())?;
        Ok(Chunk { start, end, first_row, values: number(metadata.num_values())?, codec, pages: OnceLock::new() })
    }

    /// The places of all pages. Their headers are read at the first call.
    pub(super) fn pages(&self, column: &Column) -> Result<&Pages, Error> {
        match self.pages.get() {
            Some(pages) => Ok(pages),
            None => {
                let pages = self.find_pages(column)?;
                Ok(self.pages.get_or_init(|| pages))
            }
        }
    }

    fn find_pages(&self, column: &Column) -> Result<Pages, Error> {
        let mut pages = Pages { dictionary: None, data: Vec::new() };
        let (mut at, mut first) = (self.start, 0_u64);
        while first < self.values {
            let header = self.header_at(column, at)?;
            at += header.length as u64;
            let end = at + u64::from(header.compressed);
            if end > self.end {
                return Err(column.damaged(format!("a page of {} bytes at byte {at}", header.uncompressed)));
            }
            if let Some(excess) = header.excess() {
                return Err(column.damaged(format!("{excess}, at byte {at}")));
            }
            let page = |count: u32| Page { at, header, first, count: count.into(), values_at: AtomicU32::new(0) };
            match header.kind {
                Kind::Data { values, .. } | Kind::DataV2 { values, .. } => {
                    pages.data.push(page(values));
                    first += u64::from(values);
                }
                Kind::Dictionary { values, .. } => pages.dictionary = Some(page(values)),
                Kind::Other => {}
            }
            at = end;
        }
        if first > self.values {
            return Err(column.damaged(format!("pages of {first} values instead of {}", self.values)));
        }
        Ok(pages)
    }

    fn header_at(&self, column: &Column, at: u64) -> Result<PageHeader, Error> {
        for length in HEADERS {
            let length = length.min(usize::try_from(self.end.saturating_sub(at)).unwrap_or(0));
            let header = with_buffer(length, |buffer| {
                column.file.read_exact_at(at, buffer)?;
                Ok::<_, Error>(page_header(buffer))
            })?;
            if let Some(header) = header {
                return Ok(header);
            }
        }
        Err(column.damaged(format!("no page header at byte {at}")))
    }

    /// Where in the file the values of a page lie as they are delivered; `None` if they are compressed or encoded. The first
    /// call checks the page's levels.
    pub(super) fn in_place(&self, column: &Column, page: &Page) -> Result<Option<u64>, Error> {
        let (encoding, compressed) = page.form();
        if encoding != PLAIN || (compressed && self.codec != Compression::UNCOMPRESSED) {
            return Ok(None);
        }
        let known = page.values_at.load(Ordering::Relaxed);
        if known > 0 {
            return Ok(Some(page.at + u64::from(known - 1)));
        }
        let total = page.header.compressed as usize;
        // levels are mostly short, but bit-packed ones grow with the page
        let mut length = total.min(16 << 10);
        let start = loop {
            let found = with_buffer(length, |bytes| {
                column.file.read_exact_at(page.at, bytes)?;
                Ok::<_, Error>(match page.levels(column, bytes) {
                    Ok((levels, start)) => Ok((self.check(column, page, levels), start)),
                    Err(needed) => Err(needed),
                })
            })?;
            match found {
                Ok((checked, start)) => {
                    checked?;
                    break start;
                }
                Err(needed) if needed > length && needed <= total => length = needed,
                Err(_) => return Err(column.damaged("levels beyond their page")),
            }
        };
        if usize::try_from(page.count).ok().and_then(|count| count.checked_mul(column.width)) != Some(total - start) {
            return Err(column.damaged(format!("{} bytes for {} values", total - start, page.count)));
        }
        page.values_at.store(u32::try_from(start).unwrap_or(u32::MAX - 1) + 1, Ordering::Relaxed);
        Ok(Some(page.at + start as u64))
    }

    /// Decodes all values of a page into `out`, whose memory is reused. `dictionary` holds the values of the chunk's dictionary.
    pub(super) fn decode(
        &self,
        column: &Column,
        page: &Page,
        dictionary: Option<&[u8]>,
        out: &mut Values,
    ) -> Result<(), Error> {
        self.body(column, page, &mut out.bytes)?;
        let (levels, start) =
            page.levels(column, &out.bytes).map_err(|_| column.damaged("levels beyond their page"))?;
        self.check(column, page, levels)?;
        out.start = start;
        let wanted = usize::try_from(page.count).ok().and_then(|count| count.checked_mul(column.width));
        let wanted = wanted.ok_or_else(|| column.damaged("a page of too many values"))?;
        let (encoding, _) = page.form();
        let encoded = &out.bytes[start..];
        let decoded = match encoding {
            PLAIN if encoded.len() == wanted => return Ok(()),
            BYTE_STREAM_SPLIT if encoded.len() == wanted => joined(encoded, column.width),
            encoding if DICTIONARY.contains(&encoding) => {
                let dictionary = dictionary.ok_or_else(|| column.damaged("a page whose dictionary is missing"))?;
                let values = match column.width {
                    2 => looked_up::<2>(encoded, page.count, dictionary),
                    4 => looked_up::<4>(encoded, page.count, dictionary),
                    _ => looked_up::<8>(encoded, page.count, dictionary),
                };
                values.ok_or_else(|| column.damaged("values that are not in their dictionary"))?
            }
            PLAIN | BYTE_STREAM_SPLIT => {
                return Err(column.damaged(format!("{} bytes for {} values", encoded.len(), page.count)));
            }
            other => return Err(column.damaged(format!("floats in encoding {other}"))),
        };
        *out = Values { bytes: decoded, start: 0 };
        Ok(())
    }

    /// The values of a dictionary page.
    pub(super) fn dictionary(&self, column: &Column, page: &Page) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        self.body(column, page, &mut bytes)?;
        let wanted = usize::try_from(page.count).ok().and_then(|count| count.checked_mul(column.width));
        if wanted == Some(bytes.len()) { Ok(bytes) } else { Err(column.damaged("a dictionary of another length")) }
    }

    /// The page as it was before compression.
    fn body(&self, column: &Column, page: &Page, out: &mut Vec<u8>) -> Result<(), Error> {
        let (from, to) = (page.header.compressed as usize, page.header.uncompressed as usize);
        out.resize(to, 0);
        let raw = match page.header.kind {
            Kind::DataV2 { definition, repetition, compressed, .. } => {
                let levels = (definition as usize).saturating_add(repetition as usize);
                if compressed { levels } else { from }
            }
            _ => 0,
        };
        if self.codec == Compression::UNCOMPRESSED || raw == from {
            if from != to {
                return Err(column.damaged(format!("a page of {from} bytes that claims to hold {to}")));
            }
            return column.file.read_exact_at(page.at, out);
        }
        if raw > from || raw > to {
            return Err(column.damaged("levels beyond their page"));
        }
        with_buffer(from, |buffer| {
            column.file.read_exact_at(page.at, buffer)?;
            out[..raw].copy_from_slice(&buffer[..raw]);
            decompress(self.codec, &buffer[raw..], &mut out[raw..]).map_err(|wrong| column.damaged(wrong))
        })
    }

    fn check(&self, column: &Column, page: &Page, levels: Levels<'_>) -> Result<(), Error> {
        levels.check(column.highest, page.first, column.dim).map_err(|wrong| match wrong {
            Wrong::Damaged => column.damaged("levels that can't be read"),
            Wrong::At(_) => self.refuse_row(column).err().unwrap_or_else(|| column.damaged("pages that disagree")),
        })
    }

    /// Refuses the first row that lacks a value or has another length than `dim`.
    pub(super) fn refuse_row(&self, column: &Column) -> Result<(), Error> {
        let wanted = u32::from(column.highest.definition.cast_unsigned());
        let mut rows = Rows { row: self.first_row, length: None, missing: false, dim: column.dim, wrong: None };
        let mut bytes = Vec::new();
        for page in &self.pages(column)?.data {
            self.body(column, page, &mut bytes)?;
            let (levels, _) = page.levels(column, &bytes).map_err(|_| column.damaged("levels beyond their page"))?;
            let passed = levels.each(column.highest, |repetition, definition| {
                rows.next(repetition == 0, definition == wanted);
            });
            passed.map_err(|_| column.damaged("levels that can't be read"))?;
        }
        rows.end();
        let Some((row, found)) = rows.wrong else { return Ok(()) };
        let what = "a row of the embeddings is missing or has another length";
        let finding = Finding::new(what).file(column.path()).index(row).expected(format!("{} values", column.dim));
        Err(Error::input(
            finding.found(found).hint("leave out such rows where the file is written: each row needs its vector"),
        ))
    }
}

/// Follows the levels of a column, row by row.
struct Rows {
    row: u64,
    /// Values of the row so far; `None` before the first row.
    length: Option<u64>,
    missing: bool,
    dim: u64,
    /// The first row that is wrong, and what it has.
    wrong: Option<(u64, String)>,
}

impl Rows {
    fn next(&mut self, starts: bool, is_there: bool) {
        if starts {
            self.end();
        }
        self.length = Some(self.length.unwrap_or(0) + 1);
        self.missing |= !is_there;
    }

    fn end(&mut self) {
        let Some(length) = self.length.take() else { return };
        if self.wrong.is_none() && (self.missing || length != self.dim) {
            let found = if self.missing { "a missing list or value".to_owned() } else { format!("{length} values") };
            self.wrong = Some((self.row, found));
        }
        self.missing = false;
        self.row += 1;
    }
}

impl Page {
    /// Encoding of the values, and whether they may be compressed.
    fn form(&self) -> (u32, bool) {
        match self.header.kind {
            Kind::Data { encoding, .. } | Kind::Dictionary { encoding, .. } => (encoding, true),
            Kind::DataV2 { encoding, compressed, .. } => (encoding, compressed),
            Kind::Other => (u32::MAX, true),
        }
    }

    /// The levels at the start of the page's `bytes`, and where its values start. If `bytes` is too short, the number of bytes
    /// needed; 0 if they are damaged.
    pub(super) fn levels<'b>(&self, column: &Column, bytes: &'b [u8]) -> Result<(Levels<'b>, usize), usize> {
        let count = self.count;
        if let Kind::DataV2 { definition, repetition, .. } = self.header.kind {
            let (repetition, definition) = (repetition as usize, definition as usize);
            let end = repetition.saturating_add(definition);
            let levels = bytes.get(..end).ok_or(end)?;
            let (repetition, definition) = levels.split_at(repetition);
            return Ok((Levels { repetition, definition, count }, end));
        }
        if matches!(self.header.kind, Kind::Data { levels, .. } if levels != RLE) {
            return Err(0);
        }
        let mut at = 0;
        let mut part = |highest: i16| -> Result<&'b [u8], usize> {
            if highest == 0 {
                return Ok(&[][..]);
            }
            let length = bytes.get(at..at + 4).and_then(|bytes| bytes.first_chunk()).ok_or(at + 4)?;
            let end = (at + 4).saturating_add(u32::from_le_bytes(*length) as usize);
            let part = bytes.get(at + 4..end).ok_or(end)?;
            at = end;
            Ok(part)
        };
        let repetition = part(column.highest.repetition)?;
        let definition = part(column.highest.definition)?;
        Ok((Levels { repetition, definition, count }, at))
    }
}

/// The values of `N` bytes whose dictionary indices are encoded; `None` if one is not in the dictionary.
fn looked_up<const N: usize>(encoded: &[u8], count: u64, dictionary: &[u8]) -> Option<Vec<u8>> {
    let (&bits, encoded) = encoded.split_first()?;
    let (dictionary, _) = dictionary.as_chunks::<N>();
    // a damaged page may claim more values than it has
    let most = encoded.len().saturating_mul(64).max(1 << 20);
    let mut values = Vec::with_capacity(usize::try_from(count).ok()?.min(most));
    let mut missing = bits > 32;
    for run in Runs::new(encoded, bits.into(), count) {
        match run? {
            Run::Repeated { value, count } => {
                values.resize(values.len() + usize::try_from(count).ok()?, *dictionary.get(value as usize)?);
            }
            Run::Packed { bytes, width, count } => unpack(bytes, width, count, |value| {
                let value = dictionary.get(value as usize);
                missing |= value.is_none();
                values.push(value.copied().unwrap_or([0; N]));
            }),
        }
    }
    (!missing && values.len() as u64 == count).then(|| values.into_flattened())
}

/// Values whose first bytes, second bytes and so on lie together.
fn joined(split: &[u8], width: usize) -> Vec<u8> {
    let count = split.len() / width;
    let mut values = vec![0; split.len()];
    for (byte, stream) in split.chunks_exact(count.max(1)).enumerate() {
        values[byte..].iter_mut().step_by(width).zip(stream).for_each(|(value, byte)| *value = *byte);
    }
    values
}
