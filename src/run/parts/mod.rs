//! A run in parts: several processes, each with a range of the rows, whose partial results add up.
//!
//! Every part has a folder `OUT/parts/rows-A-B`. Its files appear under their final names only when they are complete and
//! carry a checksum, so what is done can be told from the files alone, whatever became of the processes.

mod all;
mod earlier;
mod folder;
mod state;
mod survey;

pub use all::{PartBuffers, Parts};
pub use folder::{Earlier, PartFolder, PartInfo};
pub use survey::{PartState, Progress, folder_of, survey};
