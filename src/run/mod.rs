//! One run, from its settings to its files.

pub mod assign;
pub mod buffers;
mod centroids;
#[cfg(feature = "parquet")]
mod exports;
mod finish;
pub mod frontend;
pub mod gates;
mod gpu_load;
pub mod kmeans;
pub mod legs;
mod mapping;
pub mod merge;
pub mod part;
pub mod parts;
mod pictures;
pub mod session;
