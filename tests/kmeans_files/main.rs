//! The files of a clustering, and the samples that `sample` draws from one.

#![allow(clippy::cast_possible_truncation, reason = "test data is small and made by rounding")]

#[path = "../common/mod.rs"]
mod common;

mod refused;
mod sampled;
mod shares;
mod written;
