//! Balanced sampling from a hierarchy (Vo et al. 2024, arXiv 2405.15613): selects rows so that every cluster of every level
//! has as equal a share as its size allows.
//!
//! From the top down, a cluster's target is shared out among its children. Each child gives the same number, or all it has if
//! that is less; the remainder is one more each from randomly drawn children that have more. Apart from this one, each
//! cluster's number is fixed. Within a cluster of level 1, the rows are drawn at random, or are the closest to the centroid.

mod available;
mod draw;
mod request;
mod select;
mod share;
#[cfg(test)]
mod tests;

pub use available::{Source, open};
pub use draw::take;
pub use request::{Request, Selection, Strategy};
pub use select::select;
