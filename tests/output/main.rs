//! What is written: the folder survives whatever ends a run, distance files are real `.npy`, montages show what is there.
#![allow(clippy::print_stderr, reason = "a skipped test says why")]

mod distances;
mod folder;
mod montages;
