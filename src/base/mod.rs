//! Types and helpers for every other module: errors, element types, numbers, signals, times.

pub mod distance;
pub mod double_double;
pub mod error;
pub mod magnitude;
pub mod matrix;
pub mod memory;
pub mod numeric;
pub mod path_text;
pub mod paths;
pub mod process;
pub mod scale;
pub mod signals;
pub mod terminal;
pub mod text;
pub mod time;
