//! A restricted decoder of pickles: what a hierarchy and a list of image names need, and nothing else.
//!
//! A pickle is a program for a stack machine that may import and call anything. This one knows seven globals by name and
//! what calling them would give; every other name is refused, and nothing is ever run. Files come from other people, so
//! a hostile one must cost no more than an honest one of its size:
//!
//! - every length is checked against the bytes that are left before anything is allocated;
//! - a first pass over the opcodes finds the memo slots that are fetched at all, and only those are kept;
//! - the outermost list hands its items to a sink as they come, so that an item lives no longer than its batch;
//! - the integers of all arrays go to one array, in which each is a span;
//! - lists hold integers only and tuples know their depth: nothing can hold itself or nest deep, and what is repeated
//!   through the memo is shared.
//!
//! | module | what it knows |
//! |---|---|
//! | `source` | bytes, and how many are left |
//! | `opcode` | the opcodes, and the first pass |
//! | `value` | what the machine can hold, and the allowed globals |
//! | `machine` | the stack, the memo, and the second pass |
//! | `numpy` | what the allowed globals do |
//! | `dtype` | element types |
//! | `clusters` | the clusters of a level |

mod clusters;
mod dtype;
mod machine;
mod numpy;
mod opcode;
mod source;
mod value;

use std::fs::File;
use std::path::Path;

pub use clusters::{Clusters, read_clusters};
pub(super) use dtype::Dtype;
pub(super) use machine::{Sink, Top, decode};
pub(super) use opcode::{Fetched, scan};
pub(super) use source::{Decoded, Source};
pub(super) use value::{Data, Shape, Value};

use crate::base::error::Finding;

/// Bytes read at a time.
pub(super) const BUFFER: usize = 1 << 18;

/// The first bytes of a `.npy` file.
pub(super) const NPY_MAGIC: &[u8] = b"\x93NUMPY";

/// Opens a plain file and tells its size. Anything else is refused before it is opened: opening a pipe would wait.
pub(super) fn open(path: &Path) -> Result<(File, u64), Finding> {
    let failed = |error: std::io::Error| Finding::io("the file can't be opened", path, &error);
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() {
        let found = if metadata.is_dir() { "a folder" } else { "a pipe, a socket or a device" };
        return Err(Finding::new("this is not a file").file(path).found(found).hint("name the file itself"));
    }
    Ok((File::open(path).map_err(failed)?, metadata.len()))
}

#[cfg(test)]
mod tests;
