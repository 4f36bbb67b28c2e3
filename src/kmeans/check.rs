//! Checks points without clustering them.

use super::nonfinite::Nonfinite;
use crate::base::error::{Error, Result};
use crate::base::numeric::to_usize;
use crate::engine::points::{Points, is_in_range};
use crate::engine::progress::Progress;

/// Bytes read at once.
const BLOCK_BYTES: usize = 8 << 20;

/// Reads all points once and refuses those that k-means would refuse in its first pass. To be used before anything is removed to
/// make room for the result.
///
/// # Errors
/// `Input` for points with a NaN, an infinity or a value beyond float32; `Interrupted`; I/O errors.
pub fn check_points(points: &dyn Points, watch: &(impl Progress + ?Sized)) -> Result<()> {
    let row_bytes = points.row_bytes().max(1);
    let mut block = vec![0; (BLOCK_BYTES / row_bytes).max(1) * row_bytes];
    let mut nonfinite = Nonfinite::default();
    let progress = watch.start_stage("check", points.len(), row_bytes as u64);
    let mut first = 0;
    while first < points.len() {
        if watch.cancelled() {
            return Err(Error::interrupted());
        }
        let count = (points.len() - first).min((block.len() / row_bytes) as u64);
        let rows = &mut block[..to_usize(count) * row_bytes];
        points.read(first, rows)?;
        let rows = (first..).zip(rows.chunks_exact(row_bytes));
        nonfinite.extend_positions(rows.filter(|(_, row)| !is_in_range(points.dtype(), row)).map(|(row, _)| row));
        progress.advance(count);
        first += count;
    }
    nonfinite.refuse_own(points.len())
}
