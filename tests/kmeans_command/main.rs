//! `clustrata kmeans` as its user meets it: what it makes, its quality beside upstream's, interruptions, several processes.
#![allow(clippy::cast_possible_truncation, reason = "numbers of tests are small")]
#![allow(clippy::print_stdout, reason = "what was measured is said")]

#[path = "../common/mod.rs"]
mod common;

mod fixtures;
mod interrupted;
mod made;
mod quality;
mod refused;
mod together;
