//! The report in a real browser: its content, its use by mouse and keyboard, and that it does nothing else.

#![cfg(unix)]
#![allow(clippy::print_stdout, reason = "a skipped test says so, and a measured one what it measured")]
#![allow(clippy::cast_possible_truncation, reason = "test data is small, and rounding to f4 is meant")]

#[path = "../common/mod.rs"]
mod common;

mod access;
mod findings;
mod fixtures;
mod icicle;
mod images;
mod map;
mod map_colours;
mod map_select;
mod record;
mod remade;
mod safe;
mod shown;
mod table;
mod used;
