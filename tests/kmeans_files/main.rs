//! The files of a clustering that the program writes, and what `sample` takes from one.

#[path = "../common/mod.rs"]
mod common;

mod refused;
mod sampled;
mod shares;
mod written;
