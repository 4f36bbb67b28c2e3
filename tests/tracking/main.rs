//! Events of a run, and what a tracker receives; a tracker can neither fail nor stall a run.

#![allow(clippy::print_stdout, reason = "a skipped test says so")]

#[path = "../common/mod.rs"]
mod common;

mod events;
mod failures;
mod fixtures;
mod kmeans;
mod offline;
mod tensorboard;
