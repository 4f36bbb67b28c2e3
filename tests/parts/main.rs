//! Runs in parts, and runs that are interrupted: the same figures, each distance once, nothing half-written.
#![allow(clippy::cast_possible_truncation, reason = "numbers of tests are small")]

#[path = "../common/mod.rs"]
mod common;

mod fixtures;
mod merged;
mod refused;
mod resumed;
