//! Labels as a clustering: the metrics of a folder to the bit, and those of scikit-learn.
#![allow(clippy::cast_possible_truncation, reason = "numbers of tests are small")]

#[path = "../common/mod.rs"]
mod common;

mod fixtures;
mod forms;
mod parts;
mod refused;
mod same;
mod scores;
mod used;
