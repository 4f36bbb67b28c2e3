//! The files that are read. Nothing here knows a device or a figure.

pub mod embeddings;
pub mod hierarchy;
pub mod labels;
mod lines;
pub mod names;
pub mod npy;
pub mod pickle;
pub mod subset;
pub mod upstream;
