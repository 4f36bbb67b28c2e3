//! Which rows a search reads, and work that follows it in the same submission.

use crate::backend::gpu::engine::lane::LaneState;
use crate::backend::gpu::engine::submit::Recorder;
use crate::base::error::Result;

/// The rows that a search reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SearchedRows {
    /// All rows of the tile.
    Tile,
    /// So many listed rows, which are searched again.
    Listed(u32),
}

/// Work that follows the last dispatch of a search in the same submission.
pub(crate) trait After {
    /// Records the work, given the stamp of the search's results. It copies its results behind the first row's candidates in
    /// the read-back buffer, and returns their bytes.
    fn record(&mut self, lane: &mut LaneState<'_>, recorder: &mut Recorder<'_>, stamp: u32) -> Result<u64>;

    /// Takes these results.
    fn read(&mut self, bytes: &[u8]) -> Result<()>;
}
