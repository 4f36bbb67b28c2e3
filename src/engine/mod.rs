//! What passes over rows are made of: the tile pipeline, sources of rows, partial sums, progress and checkpoints.

pub mod checkpoint;
pub mod partials;
pub mod points;
pub mod progress;
pub mod share;
pub mod tile_pipeline;
pub mod tiles;
