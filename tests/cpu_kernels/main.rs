//! The CPU backend's searches, sums and pairs, against naive float64 loops that share no code with them.
#![allow(clippy::cast_possible_truncation, reason = "test data is made by rounding")]

mod centroid_pairs;
mod cluster_sums;
mod data;
mod distance_sums;
#[path = "../common/drawn.rs"]
mod drawn;
mod top2;
