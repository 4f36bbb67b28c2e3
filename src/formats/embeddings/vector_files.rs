//! Files of vectors of the approximate-nearest-neighbour benchmarks: no magic bytes, so the extension tells them apart.
//!
//! `.fbin`, `.f16bin`, `.u8bin`, `.i8bin` (big-ann-benchmarks): the numbers of rows and columns as u32, then the rows.
//! `.fvecs`, `.bvecs` (TEXMEX): each row after its number of columns as i32. All little endian.

use std::path::Path;

use super::data_file::{DataFile, ReadAt, read_up_to_at, with_buffer};
use super::element::{Element, Kind};
use super::row_file::{Candidate, Opened, RowFile, checked_shape};
use super::row_major::RowMajor;
use crate::base::error::{Error, Finding};
use crate::formats::input_file::extension;

/// Bytes of the header of a `.fbin`.
const HEADER: u64 = 8;

/// Bytes in front of each row of a `.fvecs`.
const PREFIX: usize = 4;

/// Bytes of rows read at a time.
const CHUNK: usize = 256 << 10;

/// Opens a file with one header.
pub(super) fn open_bin(candidate: Candidate<'_>) -> Result<Opened, Finding> {
    let path = candidate.path;
    let element = Element::little(match extension(path).as_str() {
        "f16bin" => Kind::F16,
        "u8bin" => Kind::U8,
        "i8bin" => Kind::I8,
        _ => Kind::F32,
    });
    let header = read_up_to_at(&candidate.file, path, 0, 8)?;
    let &[a, b, c, d, e, f, g, h] = header.as_slice() else {
        return Err(another_length(path, "a header of 8 bytes", candidate.bytes));
    };
    let (rows, columns) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
    let dim = checked_shape(path, rows.into(), columns.into(), element.delivered())?;
    let data = u64::from(rows) * u64::from(columns);
    let expected = data.checked_mul(element.size() as u64).and_then(|data| data.checked_add(HEADER));
    if expected != Some(candidate.bytes) {
        let expected = expected.map_or("more than 2^64".to_owned(), |bytes| bytes.to_string());
        let expected = format!("{expected} bytes, for {rows} rows of {columns} columns");
        return Err(another_length(path, &expected, candidate.bytes));
    }
    let reader = RowMajor { source: Box::new(DataFile::new(candidate)), offset: HEADER, element, dim };
    let (rows, dtype) = (rows.into(), element.delivered());
    Ok(Opened { rows, dim, dtype, array: None, note: None, columns: Vec::new(), reader: Box::new(reader) })
}

/// Opens a file with a length in front of each row.
pub(super) fn open_vecs(candidate: Candidate<'_>) -> Result<Opened, Finding> {
    let path = candidate.path;
    let element = Element::little(if extension(path) == "bvecs" { Kind::U8 } else { Kind::F32 });
    let first = read_up_to_at(&candidate.file, path, 0, PREFIX)?;
    let Some(columns) = first.first_chunk().map(|bytes| i32::from_le_bytes(*bytes)) else {
        return Err(another_length(path, "at least one row", candidate.bytes));
    };
    let columns = u64::try_from(columns).map_err(|_| {
        let finding =
            Finding::new("a row has a negative number of columns").file(path).index(0).found(columns.to_string());
        finding.expected("the number of columns as i32, little endian, in front of each row").hint("check the file")
    })?;
    let stride = PREFIX as u64 + columns * element.size() as u64;
    if !candidate.bytes.is_multiple_of(stride) {
        let expected = format!("a multiple of {stride} bytes, for rows of {columns} columns");
        return Err(another_length(path, &expected, candidate.bytes));
    }
    let rows = candidate.bytes / stride;
    let dim = checked_shape(path, rows, columns, element.delivered())?;
    let reader = Vecs { file: DataFile::new(candidate), element, dim };
    Ok(Opened {
        rows,
        dim,
        dtype: element.delivered(),
        array: None,
        note: None,
        columns: Vec::new(),
        reader: Box::new(reader),
    })
}

/// Rows with their length in front.
#[derive(Debug)]
struct Vecs {
    file: DataFile,
    element: Element,
    dim: usize,
}

impl RowFile for Vecs {
    fn read(&self, mut first: u64, out: &mut [u8]) -> Result<(), Error> {
        let (stored, delivered) = (self.dim * self.element.size(), self.dim * self.element.delivered().size());
        let stride = PREFIX + stored;
        let most = (CHUNK / stride).max(1);
        for out in out.chunks_mut(most * delivered) {
            let rows = out.len() / delivered;
            with_buffer(rows * stride, |buffer| {
                self.file.read_exact_at(first * stride as u64, buffer)?;
                for (at, (row, out)) in buffer.chunks_exact(stride).zip(out.chunks_exact_mut(delivered)).enumerate() {
                    let (prefix, row) = row.split_at(PREFIX);
                    self.check(first + at as u64, prefix)?;
                    self.element.convert(row, out);
                }
                Ok::<(), Error>(())
            })?;
            first += rows as u64;
        }
        Ok(())
    }
}

impl Vecs {
    /// Refuses a row of another length than the first one.
    fn check(&self, row: u64, prefix: &[u8]) -> Result<(), Error> {
        let columns = prefix.first_chunk().map_or(0, |bytes| i32::from_le_bytes(*bytes));
        if usize::try_from(columns) == Ok(self.dim) {
            return Ok(());
        }
        let finding =
            Finding::new("a row has another number of columns than the first one").file(&self.file.path).index(row);
        let finding = finding.expected(self.dim.to_string()).found(columns.to_string());
        Err(Error::input(finding.hint("write the file again: all vectors need the same length")))
    }
}

fn another_length(path: &Path, expected: &str, found: u64) -> Finding {
    let finding = Finding::new("the file's length does not fit its header").file(path).expected(expected);
    finding.found(format!("{found} bytes")).hint("the file was cut off or has another format: copy or write it again")
}
