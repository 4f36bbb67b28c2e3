//! A run in parts: several processes, each with a range of the rows, whose partial results add up.
//!
//! Every part has a folder `OUT/parts/rows-A-B`. Its files get their final names only once they are complete, and carry a
//! checksum. So the files alone show what is done, whatever happened to the processes.

mod all;
mod earlier;
mod folder;
mod means;
mod state;
mod survey;

pub use all::{PartBuffers, Parts};
pub(super) use folder::Emptied;
pub use folder::{Earlier, PartFolder, PartInfo};
pub use means::StoredMeans;
pub use survey::{PartState, Progress, folder_of, survey};
