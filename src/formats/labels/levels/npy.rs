//! Labels in a `.npy` file: numbers of any type, or fixed-width strings; one level, or a column per level.

use std::io::{BufReader, Read};
use std::path::Path;

use half::f16;

use super::assignment::{Assignment, MOST_LEVELS, lengths};
use super::number::{clusters, is_missing, whole_real};
use crate::base::error::Finding;
use crate::base::matrix::UNLABELLED;
use crate::base::numeric::to_usize;
use crate::formats::labels::code::Coder;
use crate::formats::npy::{ByteOrder, Element, Header, label_hint, parse_header};
use crate::formats::pickle::Dtype;

/// Elements decoded at a time.
const BLOCK: usize = 1 << 14;

/// Reads the levels. The reader is at the start of a file of `size` bytes.
pub(super) fn read(
    mut reader: BufReader<impl Read>,
    path: &Path,
    size: u64,
    rows: Option<u64>,
) -> Result<Vec<Assignment>, Finding> {
    let header = parse_header(&mut reader, path)?;
    let text = Dtype::from_descr(&header.descr).filter(|dtype| dtype.is_text());
    let number = header.element().filter(|element| match element.kind {
        'i' | 'u' => matches!(element.size, 1 | 2 | 4 | 8),
        'f' => matches!(element.size, 2 | 4 | 8),
        _ => false,
    });
    let (entries, levels) = shape(&header, path, rows)?;
    // either is some type of a label
    let bytes = text.map(|dtype| to_usize(dtype.size())).or(number.map(|element| element.size));
    let bytes = bytes.ok_or_else(|| refused(&header, path))?;
    // from here on, the data is no longer than the file
    header.check_length(bytes, size, path)?;
    let cells = Cells { reader, path, entries, levels, by_level: header.fortran_order, bytes };
    match (text, number) {
        (Some(dtype), _) => texts(cells, dtype),
        (_, Some(element)) => numbers(cells, element),
        (None, None) => Err(refused(&header, path)),
    }
}

/// The finding about a file that is called `.npy` and is none.
pub(super) fn not_npy(mut reader: BufReader<impl Read>, path: &Path) -> Finding {
    match parse_header(&mut reader, path) {
        Err(finding) => finding,
        Ok(_) => Finding::new("not a .npy file").file(path),
    }
}

fn refused(header: &Header, path: &Path) -> Finding {
    Finding::new("the array doesn't hold labels")
        .file(path)
        .expected("integers or strings, [n] or [n, levels]")
        .found(format!("{} of {}", header.shape_text(), header.descr))
        .hint(label_hint(header, path))
}

/// The numbers of entries and of levels.
fn shape(header: &Header, path: &Path, rows: Option<u64>) -> Result<(u64, u64), Finding> {
    let (entries, levels) = match header.shape[..] {
        [entries] => (entries, 1),
        [entries, levels] if (1..=MOST_LEVELS).contains(&levels) => (entries, levels),
        [levels, entries] if (1..=MOST_LEVELS).contains(&levels) && rows.is_none_or(|rows| rows == entries) => {
            let finding = refused(header, path).expected("a row per point and a column per level");
            return Err(finding.hint("the axes are swapped: save labels.T"));
        }
        _ => return Err(refused(header, path)),
    };
    match rows {
        Some(rows) if rows != entries => {
            let found = format!("shape {}", header.shape_text());
            let swapped = header.shape.get(1) == Some(&rows);
            let finding = lengths(path, rows).found(found);
            Err(if swapped { finding.hint("the axes are swapped: save labels.T") } else { finding })
        }
        _ => Ok((entries, levels)),
    }
}

/// The elements of a file.
struct Cells<'a, R> {
    reader: BufReader<R>,
    path: &'a Path,
    entries: u64,
    levels: u64,
    /// Whether all entries of a level follow one another (Fortran order).
    by_level: bool,
    /// Bytes of one element.
    bytes: usize,
}

impl<R: Read> Cells<'_, R> {
    /// Passes every element to `each` with its level and row, in the order of the file.
    fn each(mut self, mut each: impl FnMut(usize, u64, &[u8]) -> Result<(), Finding>) -> Result<(), Finding> {
        let total = self.entries * self.levels;
        let mut block = vec![0; self.bytes * to_usize(total.min(BLOCK as u64))];
        let mut at = 0;
        while at < total {
            let count = to_usize((total - at).min(BLOCK as u64));
            let some = &mut block[..count * self.bytes];
            self.reader.read_exact(some).map_err(|e| Finding::io("the file can't be read", self.path, &e))?;
            for (place, cell) in (at..).zip(some.chunks_exact(self.bytes.max(1))) {
                let (level, row) = match self.by_level {
                    true => (place / self.entries, place % self.entries),
                    false => (place % self.levels, place / self.levels),
                };
                each(to_usize(level), row, cell)?;
            }
            at += count as u64;
        }
        Ok(())
    }

    /// The name of a level's column.
    fn column(levels: u64, level: usize) -> Option<String> {
        (levels > 1).then(|| level.to_string())
    }
}

fn numbers<R: Read>(cells: Cells<'_, R>, element: Element) -> Result<Vec<Assignment>, Finding> {
    let (path, entries, levels) = (cells.path, cells.entries, cells.levels);
    let mut all: Vec<Vec<u32>> = (0..levels).map(|_| vec![UNLABELLED; to_usize(entries)]).collect();
    let mut largest: Vec<Option<u64>> = vec![None; to_usize(levels)];
    cells.each(|level, row, cell| {
        let label = decode(cell, element).map_err(|found| {
            let finding = Finding::new("a label is not the number of a cluster").file(path).index(row);
            finding.expected("whole numbers from 0 on, or -1 or NaN for a row in no cluster").found(found)
        })?;
        if let Some(label) = label {
            largest[level] = largest[level].max(Some(label));
            // a larger one is refused below
            all[level][to_usize(row)] = u32::try_from(label).unwrap_or(UNLABELLED);
        }
        Ok(())
    })?;
    let level = |(level, (of_rows, largest)): (usize, (Vec<u32>, Option<u64>))| {
        let clusters = clusters(largest, entries, path)?;
        let column = Cells::<R>::column(levels, level);
        Ok(Assignment { of_rows, clusters, names: None, file: path.to_owned(), column, outside: 0 })
    };
    all.into_iter().zip(largest).enumerate().map(level).collect()
}

fn texts<R: Read>(cells: Cells<'_, R>, dtype: Dtype) -> Result<Vec<Assignment>, Finding> {
    let (path, levels) = (cells.path, cells.levels);
    let mut coders: Vec<Coder<'_, String>> = (0..levels).map(|_| Coder::new(path)).collect();
    cells.each(|level, row, cell| {
        let text = dtype.text(cell).ok_or_else(|| {
            let finding = Finding::new("a label is not valid text").file(path).index(row);
            finding.expected("Unicode, or UTF-8 in bytes").hint("write the labels again")
        })?;
        coders[level].push(Some(text.as_str()).filter(|text| !is_missing(text)))
    })?;
    let level = |(level, coder): (usize, Coder<'_, String>)| {
        Assignment::of_labels(coder.finish_texts(), path, Cells::<R>::column(levels, level))
    };
    coders.into_iter().enumerate().map(level).collect()
}

/// The label in an element; `None` if it is missing.
fn decode(cell: &[u8], element: Element) -> Result<Option<u64>, String> {
    let shift = |value: u64, &byte: &u8| (value << 8) | u64::from(byte);
    let bits = match element.order {
        ByteOrder::Big => cell.iter().fold(0, shift),
        ByteOrder::Little => cell.iter().rev().fold(0, shift),
    };
    let unused = 64 - 8 * element.size;
    match (element.kind, element.size) {
        ('u', _) => Ok(Some(bits)),
        // shifting left and back extends the sign
        ('i', _) => match (bits << unused).cast_signed() >> unused {
            -1 => Ok(None),
            label => u64::try_from(label).map(Some).map_err(|_| label.to_string()),
        },
        // the upper bits are zero
        (_, 2) => whole_real(f16::from_bits(u16::try_from(bits).unwrap_or_default()).to_f64()),
        (_, 4) => whole_real(f32::from_bits(u32::try_from(bits).unwrap_or_default()).into()),
        _ => whole_real(f64::from_bits(bits)),
    }
}
