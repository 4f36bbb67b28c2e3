//! How the points are shared between the processes.

use std::ops::Range;

use super::communicator::Communicator;
use super::sums::whole;
use crate::base::error::Result;
use crate::base::numeric::as_real;

/// This process's share of the points.
#[derive(Debug, Clone)]
pub(super) struct Shares {
    /// This process's points, as a range of all points.
    pub(super) own: Range<u64>,
    /// Number of points of all processes.
    pub(super) points: u64,
}

impl Shares {
    /// Exchanges the numbers of `points` of all processes.
    pub(super) fn exchange(communicator: &dyn Communicator, points: u64) -> Result<Shares> {
        let mut counts = vec![0.0; communicator.size()];
        counts[communicator.rank()] = as_real(points);
        communicator.all_reduce(&mut counts)?;
        let start = counts[..communicator.rank()].iter().copied().map(whole).sum();
        Ok(Shares { own: start..start + points, points: counts.into_iter().map(whole).sum() })
    }
}
