//! Rows that are read from copies on the machine's own disk. A copy holds them as its file's reader delivers them, so that some
//! rows of any container can be copied.

use std::ops::Range;
use std::path::Path;

use super::data_file::{DataFile, ReadAt};
use super::row_file::RowFile;
use super::{Embeddings, KEPT_OPEN};
use crate::base::error::{Error, Result};
use crate::formats::scratch_copies::{Copies, Outcome, Rows};

/// The rows of a file that have a copy.
#[derive(Debug)]
pub(super) struct CopiedRows {
    /// Numbers within the file.
    rows: Range<u64>,
    row_bytes: usize,
    copy: DataFile,
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
        let bytes = |rows: u64| crate::base::numeric::to_usize(rows) * self.row_bytes;
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

impl Embeddings {
    /// From now on, reads `rows` from copies in `folder`, which are made unless they exist. Files that are unpacked to a
    /// temporary file, or lie in `folder`, are left as they are, and so is everything if there is no room. `go_on` is called
    /// several times a second; its error ends the copying.
    ///
    /// # Errors
    /// As [`Copies::stage`].
    pub fn copy_rows(
        &mut self,
        rows: &Range<u64>,
        folder: &Path,
        go_on: &dyn Fn() -> Result<()>,
    ) -> Result<CopySummary> {
        let row_bytes = self.stored_row_bytes();
        let pieces = self.pieces(rows);
        let readers: Vec<_> = pieces
            .iter()
            .map(|(number, within)| {
                let (reader, start) = (&self.files[*number].reader, within.start);
                move |row: u64, out: &mut [u8]| reader.read(start + row, out)
            })
            .collect();
        let of = |((number, within), read): (&(usize, Range<u64>), _)| {
            let file = &self.files[*number];
            let array = file.array.as_deref().unwrap_or_default();
            Rows {
                file: &file.path,
                what: format!("{} {array} {} {:?} {within:?}", file.container, self.dim, self.dtype),
                row_bytes,
                count: within.end - within.start,
                read,
            }
        };
        let wanted: Vec<Rows<'_>> = pieces.iter().zip(readers.iter().map(|read| read as _)).map(of).collect();
        let outcomes = Copies { folder, go_on }.stage(&wanted)?;
        drop(wanted);
        drop(readers);
        let mut summary = CopySummary::default();
        for ((number, within), outcome) in pieces.into_iter().zip(outcomes) {
            match outcome {
                Outcome::AlreadyThere => {}
                Outcome::NoRoom(needed, available) => summary.no_room = Some((needed, available)),
                Outcome::Copied(staged) => {
                    tracing::debug!(
                        "{}: {} bytes copied in {:.1} s",
                        staged.path.display(),
                        staged.copied,
                        staged.seconds
                    );
                    summary.copied += staged.copied;
                    summary.in_copies += (within.end - within.start) * row_bytes as u64;
                    let copy = DataFile::open(staged.path, number < KEPT_OPEN)?;
                    self.files[number].copy = Some(CopiedRows { rows: within, row_bytes, copy });
                }
            }
        }
        Ok(summary)
    }

    /// The parts of `rows` by file: its number, and the rows within it. Without files that a copy would gain nothing for.
    fn pieces(&self, rows: &Range<u64>) -> Vec<(usize, Range<u64>)> {
        let piece = |(number, file): (usize, &super::EmbeddingFile)| {
            let end = file.first_row + file.rows;
            let within = rows.start.clamp(file.first_row, end)..rows.end.clamp(file.first_row, end);
            let within = within.start - file.first_row..within.end - file.first_row;
            (!within.is_empty() && !file.reader.is_unpacked()).then_some((number, within))
        };
        self.files.iter().enumerate().filter_map(piece).collect()
    }
}
