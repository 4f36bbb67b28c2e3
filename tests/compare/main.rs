//! RunFingerprint with labels and between clusterings, held against scikit-learn; two runs side by side; gates.

#[path = "../common/mod.rs"]
mod common;

mod fixtures;
mod gates;
mod labels;
mod runs;
mod tables;
