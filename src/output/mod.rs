//! The files that are written, each under a temporary name first.

pub mod distances;
pub mod files;
pub mod montage;
pub mod tables;
