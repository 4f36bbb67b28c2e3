//! Many runs in one table, and plots of it.
//!
//! [`find`] finds and reads records below folders; [`tables`] makes a table with a row per run and level, and one with
//! statistics over groups of runs; [`charts`] plots metrics over a setting.

pub mod charts;
pub mod find;
mod groups;
mod identity;
#[cfg(feature = "parquet")]
pub mod parquet;
mod read;
pub mod settings;
mod stats;
mod table;
pub mod tables;

pub use read::{LevelMetrics, Run};
pub use stats::Moments;
pub use table::Table;
