//! A restricted pickle decoder that supports only what hierarchies and lists of image names need.
//!
//! A pickle is a program for a stack machine that may import and call anything. This decoder knows seven globals by name and
//! the results of calling them. It refuses every other name and never executes anything. Files come from other people, so a
//! hostile file must cost no more than an honest one of its size:
//!
//! - every length is checked against the remaining bytes before anything is allocated;
//! - a first pass over the opcodes finds the memo slots that are ever fetched, and only those are kept;
//! - the outermost list passes its items to a sink as they arrive, so an item lives no longer than its batch;
//! - the integers of all arrays are stored in one array, in which each array is a span;
//! - lists hold only integers and tuples record their depth, so nothing can contain itself or nest deeply, and values that
//!   the memo repeats are shared.
//!
//! | module | contents |
//! |---|---|
//! | `source` | the bytes, and how many remain |
//! | `opcode` | the opcodes, and the first pass |
//! | `value` | the values of the machine, and the allowed globals |
//! | `machine` | the stack, the memo, and the second pass |
//! | `numpy` | the results of the allowed globals |
//! | `dtype` | element types |
//! | `clusters` | the clusters of a level |

mod clusters;
mod dtype;
mod machine;
mod numpy;
mod opcode;
mod source;
mod value;

pub use clusters::{Clusters, read_clusters};
pub(super) use dtype::Dtype;
pub(super) use machine::{Sink, Top, decode};
pub(super) use opcode::{Fetched, scan};
pub(super) use source::{Decoded, Source};
pub(super) use value::{Data, Shape, Value};

#[cfg(test)]
mod tests;
