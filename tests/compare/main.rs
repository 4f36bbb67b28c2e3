//! Agreement with classes and between clusterings, held against scikit-learn; two runs side by side, also as a page; gates.

#[path = "../common/mod.rs"]
mod common;

mod fixtures;
mod gates;
mod labels;
#[cfg(unix)]
mod page;
mod runs;
mod tables;
