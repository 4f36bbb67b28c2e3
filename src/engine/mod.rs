//! The building blocks of passes over rows: the driver and its tile pipeline, row sources, partial sums, progress and
//! checkpoints.

pub mod checkpoint_store;
pub mod driver;
pub mod partials;
pub mod points;
pub mod progress;
pub mod resident_points;
pub mod share;
pub mod tile_pipeline;
