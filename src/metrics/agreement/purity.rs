//! Purity.

use super::Contingency;
use crate::base::numeric::as_real;

/// Share of the points that have the most frequent label of their cluster (Manning et al. 2008, section 16.3). 1 without
/// points, as for the other measures. Singleton clusters are pure, so purity says little about many small clusters.
pub fn purity(table: &Contingency) -> f64 {
    if table.points == 0 {
        return 1.0;
    }
    as_real(table.rows.iter().map(|row| row.most).sum()) / as_real(table.points)
}
