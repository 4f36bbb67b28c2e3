//! How well two partitions of the same points agree: a clustering and the labels of the user, or two clusterings.
//!
//! All measures are those of scikit-learn, with its names' usual abbreviations, its natural logarithms, its arithmetic
//! means and its degenerate cases. They follow from a [`Contingency`], which holds the sums of the table and not its cells:
//! memory grows with the number of clusters, never with its square or with the number of points. No measure depends on
//! which numbers the clusters or the labels have, and all but homogeneity, completeness and purity are symmetric.

mod contingency;
mod expected;
mod information;
mod pairs;
mod purity;

pub use contingency::{Contingency, Row};
pub use information::{Homogeneity, ami, homogeneity_completeness_v, nmi};
pub use pairs::ari;
pub use purity::purity;

#[cfg(test)]
mod tests;
