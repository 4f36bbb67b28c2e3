//! `clustrata kmeans` from the command line: its output, its quality compared with upstream, interruptions, several
//! processes.
#![allow(clippy::cast_possible_truncation, reason = "numbers of tests are small")]
#![allow(clippy::print_stdout, reason = "what was measured is said")]

#[path = "../common/mod.rs"]
mod common;

mod copied;
mod fitted;
mod fixtures;
mod interrupted;
mod made;
mod quality;
mod refused;
mod replaced;
mod together;
