//! Runs a device on random data and compares its results with float64 evaluations of the definitions, which share no code with
//! any backend.

mod case;
mod data;
mod outcome;
mod pairs;
mod run;

pub use case::{CASES, Case};
pub use data::Data;
pub use outcome::Outcome;
pub use run::run;
