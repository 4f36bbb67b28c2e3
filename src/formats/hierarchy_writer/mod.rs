//! Writes the folder of a hierarchical clustering in the layout of ssl-data-curation. Both upstream's scripts and
//! [`crate::formats::hierarchy`] read it.
//!
//! A file appears under its name once it is complete. The file that marks a step or a level as done is written last, so a
//! killed run never leaves a step that only looks complete.
//!
//! | module | contents |
//! |---|---|
//! | `folder` | the place of each file, and the order in which they are written |
//! | `earlier` | files of an earlier run: lists and removes them |
//! | `members` | clusters from labels, and members by distance |
//! | `array` | `.npy` files of numbers |
//! | `object_array` | `.npy` files of clusters: a pickle, as NumPy writes it |

mod array;
mod earlier;
mod folder;
mod members;
mod object_array;

pub use array::{write_centroids, write_indices};
pub use earlier::{clear, discard_checkpoints, files, has_checkpoint, remove_empty_folders, remove_unfinished};
pub use folder::{
    Step, is_complete, is_split, level_folder, link_level, pre_clusters, step_folder, write_config, write_split,
    write_step,
};
pub use members::{group, sort_by_distance};
pub use object_array::write_clusters;
