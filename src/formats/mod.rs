//! Readers and writers of every file format. Nothing here depends on a device or a metric.

pub mod atomic_file;
mod blank_lines;
pub mod distances;
pub mod embeddings;
pub mod fingerprint;
pub mod folder;
pub mod hierarchy;
pub mod hierarchy_writer;
#[cfg(feature = "parquet")]
pub mod ids;
mod input_file;
pub mod labels;
mod lines;
pub mod names;
pub mod npy;
#[cfg(feature = "parquet")]
pub mod parquet;
pub mod part_file;
pub mod pickle;
pub mod scratch_copies;
pub mod subset;
pub mod upstream;
pub mod yaml;

#[cfg(test)]
mod hint_tests;
