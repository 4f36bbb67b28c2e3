//! A run in parts: several processes, each with a range of the rows, whose partial results add up.
//!
//! Every part has a folder `OUT/parts/rows-A-B`. Its files appear under their final names only when they are complete and
//! carry a checksum, so what is done can be told from the files alone, whatever became of the processes.

mod agreement;
mod earlier;
mod folder;
mod parts;
mod share;
mod state;
mod survey;

pub use agreement::Agreement;
pub use folder::{About, Earlier, PartFolder};
pub use parts::{PartBuffers, Parts};
pub use share::{RowRange, Shard, Share};
pub use survey::{PartState, Progress, folder_of, survey};
