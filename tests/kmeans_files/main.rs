//! The files of a clustering that the program writes, and what `sample` takes from one.

#![allow(clippy::cast_possible_truncation, reason = "test data is small and made by rounding")]

#[path = "../common/mod.rs"]
mod common;

mod refused;
mod sampled;
mod shares;
mod written;
