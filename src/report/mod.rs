//! Everything that people see of runs: tables, montages, plots, the map, the page, trackers, comparisons, collections.

pub mod collect;
pub mod compare;
pub mod findings;
pub mod gallery;
pub mod map;
mod metric_text;
pub mod montage;
pub mod page;
pub mod plot;
#[cfg(feature = "parquet")]
pub mod points;
pub mod summary;
pub mod tables;
pub mod tracking;
