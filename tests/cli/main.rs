//! The program itself under bad input and in bad circumstances: exit code, message, and nothing left behind.

#![allow(clippy::print_stdout, reason = "a skipped test says so")]
#![allow(clippy::cast_possible_truncation, reason = "test data is small and made by rounding")]
#![allow(clippy::type_complexity, reason = "members and centroids of a level are plain lists")]

#[path = "../common/mod.rs"]
mod common;

mod commands;
#[cfg(target_os = "linux")]
mod disk;
mod embeddings;
mod fixtures;
mod folder;
mod hierarchy;
mod messages;
mod names;
mod nonfinite;
mod pictures;
mod same;
mod shell;
#[cfg(unix)]
mod signals;
mod usage;
