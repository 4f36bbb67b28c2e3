//! The folder of a clustering, written as ssl-data-curation writes it, so that its scripts and `metrics` read it alike.
//!
//! What reads such folders is [`crate::formats::hierarchy`]; the names and types here are what it and upstream's scripts
//! look for. Every file appears under its name when it is complete. What says that a step or a level is done is written
//! last, so that a killed run never leaves one that only looks whole.
//!
//! | module | what it knows |
//! |---|---|
//! | `folder` | which file lies where, and in which order they appear |
//! | `members` | clusters from labels, and members by distance |
//! | `array` | `.npy` files of numbers |
//! | `object_array` | `.npy` files of clusters: a pickle, as NumPy writes it |

mod array;
mod folder;
mod members;
mod object_array;

pub use array::{write_centroids, write_indices};
pub use folder::{
    Step, clear, discard_checkpoints, is_complete, is_split, level_folder, link_level, pre_clusters, remove_unfinished,
    step_folder, write_config, write_split, write_step,
};
pub use members::{group, sort_by_distance};
pub use object_array::write_clusters;
