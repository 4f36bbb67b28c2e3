//! Which clusters of the two runs correspond.

use crate::metrics::agreement::Contingency;

/// How the clusters of a level in A relate to those in B.
#[derive(Debug)]
pub enum Relation {
    /// Both runs read the same files.
    Same,
    /// By shared points: a row per cluster of A, a column per cluster of B.
    Table(Contingency),
    /// Not known.
    Unknown,
}
