//! Rows of the parts, copied to their places in one file.

use std::fs::File;
use std::io::{self, Read};

use super::kind::{Kind, What};
use crate::base::error::{Error, Finding, Result};
use crate::base::numeric::to_usize;
use crate::base::signals;
use crate::formats::distances::{Element, RowBuffer};
use crate::run::parts::PartBuffers;

/// Bytes copied between two checks for a signal.
const CHUNK: usize = 16 << 20;

impl PartBuffers {
    /// The checksum of a file; `None` if the part did not keep it. What a repeated search has found replaces what the first one
    /// found.
    pub(super) fn checksum(&self, kind: Kind) -> Option<&String> {
        let found = matches!(kind.what, What::Second | What::Margin | What::SimplifiedSilhouette);
        let checksums = self.of_search.as_ref().filter(|_| found).unwrap_or(&self.checksums);
        checksums.get(&kind.in_part())
    }
}

/// Copies a part's values to their rows of the whole file, and verifies their checksum.
pub(super) fn copy_rows<T: Element>(part: &PartBuffers, kind: Kind, whole: &mut RowBuffer<T>) -> Result<()> {
    let path = part.folder.join(kind.in_part());
    let again = "rerun this part: metrics --force with the same --shard or --rows";
    let unreadable = |e: &io::Error| {
        Error::input(Finding::io(&format!("can't read the {} of a part", T::WHAT), &path, e).hint(again))
    };
    let columns = kind.columns().unwrap_or(1);
    let mut file = File::open(&path).map_err(|e| unreadable(&e))?;
    // both ends are inside the mapped buffer
    let at = |row: u64| to_usize(row * columns);
    let values: &mut [u8] = bytemuck::cast_slice_mut(&mut whole.values_mut()[at(part.rows.start)..at(part.rows.end)]);
    let size = file.metadata().map_err(|e| unreadable(&e))?.len();
    let mut hasher = blake3::Hasher::new();
    let header = size.saturating_sub(values.len() as u64);
    io::copy(&mut file.by_ref().take(header), &mut hasher).map_err(|e| unreadable(&e))?;
    for chunk in values.chunks_mut(CHUNK) {
        if signals::requested() {
            return Err(Error::interrupted());
        }
        file.read_exact(chunk).map_err(|e| unreadable(&e))?;
        hasher.update(chunk);
    }
    if part.checksum(kind).is_some_and(|checksum| *checksum == *hasher.finalize().to_hex()) {
        return Ok(());
    }
    Err(Error::input(
        Finding::new(format!("the {} of a part have changed since it wrote them", T::WHAT))
            .file(&path)
            .expected(format!(
                "{} of rows {}..{}, with the checksum in distances.part",
                T::WHAT,
                part.rows.start,
                part.rows.end
            ))
            .found(format!("a file of {size} bytes with different content"))
            .hint(again),
    ))
}
