//! Every file that is read or written. Nothing here knows a device or a metric.

pub mod atomic_file;
pub mod clustering;
pub mod distances;
pub mod embeddings;
pub mod fingerprint;
pub mod folder;
pub mod hierarchy;
pub mod labels;
mod lines;
pub mod names;
pub mod npy;
#[cfg(feature = "parquet")]
pub mod parquet;
pub mod part_file;
pub mod pickle;
pub mod scratch;
pub mod subset;
pub mod upstream;
