//! Output: the folder survives every way in which a run can end, distance files are valid `.npy`, montages show the images.
#![allow(clippy::print_stderr, reason = "a skipped test says why")]

#[path = "../common/mod.rs"]
mod common;
mod counters;
mod distances;
mod folder;
mod montages;
