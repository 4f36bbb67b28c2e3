//! `clustrata assign`: labels, distances and margins against a naive search, scikit-learn and k-means itself; parts, resuming,
//! and what is refused.
#![allow(clippy::cast_possible_truncation, reason = "numbers of tests are small, and rounding to f4 is intended")]
#![allow(clippy::print_stdout, reason = "what is skipped is said")]

#[path = "../common/mod.rs"]
mod common;
mod fixtures;
mod nearest;
mod parts;
mod refused;
mod tables;
mod trained;
