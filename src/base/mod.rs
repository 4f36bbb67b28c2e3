//! What every room stands on: errors, element types, numbers, signals.

pub mod error;
pub mod matrix;
pub mod numeric;
pub mod process;
pub mod signals;
pub mod text;
