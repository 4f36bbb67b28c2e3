//! Many runs in one table, and plots of it.
//!
//! [`find`] looks for records below folders and reads them; [`tables`] lays their figures out, a row per run and level,
//! and adds them up over groups of runs; [`charts`] draws a figure over a parameter.

pub mod charts;
pub mod find;
mod groups;
#[cfg(feature = "parquet")]
pub mod parquet;
mod read;
pub mod settings;
mod stats;
mod table;
pub mod tables;

pub use read::{LevelFigures, Run};
pub use stats::Moments;
pub use table::Table;
