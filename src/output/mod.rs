//! The files that are written, each under a temporary name first.

pub mod distances;
pub mod files;
pub mod montage;
#[cfg(feature = "parquet")]
pub mod parquet;
#[cfg(feature = "parquet")]
pub mod points;
pub mod tables;
