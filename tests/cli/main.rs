//! The program itself under bad input and in bad circumstances: exit code, message, and nothing left behind.

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
mod same;
#[cfg(unix)]
mod signals;
mod usage;
