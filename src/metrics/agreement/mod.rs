//! Agreement of two partitions of the same points: a clustering and the user's labels, or two clusterings.
//!
//! All measures match scikit-learn, including natural logarithms, arithmetic means and degenerate cases. They are computed
//! from a [`Contingency`], which holds sums over the contingency table instead of its cells: memory grows linearly with the
//! number of clusters and labels, and not with the number of points. No measure depends on how clusters or labels are
//! numbered. All but homogeneity, completeness and purity are symmetric.

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
