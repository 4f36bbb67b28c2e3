//! `.npy` files, and the arrays of `.npz` files, which are the same bytes.

use super::column_major::ColumnMajor;
use super::data_file::{DataFile, ReadAt};
use super::layout::{Layout, Place, check};
use super::row_file::{Candidate, Opened, RowFile};
use super::row_major::RowMajor;
use crate::base::error::Finding;
use crate::formats::npy;

/// Whether the file starts as a `.npy` file does.
pub(super) fn recognises(start: &[u8]) -> bool {
    start.starts_with(npy::MAGIC)
}

/// Opens a `.npy` file.
pub(super) fn open(mut candidate: Candidate<'_>) -> Result<Opened, Finding> {
    let header = npy::parse_header(&mut candidate.file, candidate.path)?;
    let layout = check(&header, Place { path: candidate.path, member: None }, candidate.options)?;
    header.check_length(layout.element.size(), candidate.bytes, candidate.path)?;
    let note = layout.by_columns.then(|| {
        format!(
            "{} is in Fortran order: each tile is read column by column, in {} reads; np.ascontiguousarray makes reading faster",
            candidate.path.display(),
            layout.dim
        )
    });
    Ok(Opened { note, ..opened(layout, header.data_offset, Box::new(DataFile::new(candidate))) })
}

/// The rows of an array whose elements start at byte `offset` of `source`.
pub(super) fn opened(layout: Layout, offset: u64, source: Box<dyn ReadAt>) -> Opened {
    let Layout { rows, dim, element, by_columns } = layout;
    let reader: Box<dyn RowFile> = match by_columns {
        true => Box::new(ColumnMajor { source, offset, element, rows, dim }),
        false => Box::new(RowMajor { source, offset, element, dim }),
    };
    Opened { rows, dim, dtype: element.delivered(), array: None, note: None, columns: Vec::new(), reader }
}
