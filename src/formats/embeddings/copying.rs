//! Copies rows of the embeddings to the machine's own disk.

use std::ops::Range;
use std::path::Path;

use super::copied_rows::{CopiedRows, CopySummary};
use super::data_file::DataFile;
use super::{EmbeddingFile, Embeddings, KEPT_OPEN};
use crate::base::error::Result;
use crate::formats::scratch_copies::{Copies, Outcome, Rows};

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
        let piece = |(number, file): (usize, &EmbeddingFile)| {
            let end = file.first_row + file.rows;
            let within = rows.start.clamp(file.first_row, end)..rows.end.clamp(file.first_row, end);
            let within = within.start - file.first_row..within.end - file.first_row;
            (!within.is_empty() && !file.reader.is_unpacked()).then_some((number, within))
        };
        self.files.iter().enumerate().filter_map(piece).collect()
    }
}
