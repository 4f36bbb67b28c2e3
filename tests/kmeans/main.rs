//! k-means on both backends, against a naive float64 Lloyd that shares no code with it.
#![allow(clippy::cast_possible_truncation, reason = "test data is made by rounding, and its numbers are small")]
#![allow(clippy::print_stdout, reason = "what is skipped is said")]

mod data;
#[path = "../common/drawn.rs"]
mod drawn;
mod lloyd;
mod resident;
mod start;
