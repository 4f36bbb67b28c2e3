//! What is known of all points before the first pass over them: how many there are, and nearly their mean.

use std::ops::Range;

use super::Fit;
use super::communicator::Communicator;
use super::sums::whole;
use crate::base::error::Result;
use crate::base::numeric::as_real;
use crate::engine::points::widen;

/// Points of each member whose mean stands for the mean of all. It is subtracted from everything before it is summed, so that
/// a common offset costs no accuracy: it need not be exact.
const SAMPLED: u64 = 256;

/// Who has which points.
#[derive(Debug, Clone)]
pub(super) struct Members {
    /// This member's among those of all.
    pub(super) own: Range<u64>,
    /// Those of all.
    pub(super) points: u64,
}

impl Members {
    /// Asks everyone.
    pub(super) fn meet(communicator: &dyn Communicator, points: u64) -> Result<Members> {
        let mut counts = vec![0.0; communicator.size()];
        counts[communicator.rank()] = as_real(points);
        communicator.all_reduce(&mut counts)?;
        let start = counts[..communicator.rank()].iter().copied().map(whole).sum();
        Ok(Members { own: start..start + points, points: counts.into_iter().map(whole).sum() })
    }
}

/// The mean of a few points of every member, the same everywhere.
pub(super) fn near_mean(fit: &Fit<'_>) -> Result<Vec<f64>> {
    let (points, dim) = (fit.points, fit.points.dim());
    let taken = points.len().min(SAMPLED);
    let place = |number: u64| u128::from(number) * u128::from(points.len()) / u128::from(taken);
    let positions: Vec<u64> = (0..taken).map(|number| u64::try_from(place(number)).unwrap_or(u64::MAX)).collect();
    let mut bytes = vec![0; positions.len() * points.row_bytes()];
    points.gather(&positions, &mut bytes)?;
    let mut row = vec![0.0; dim];
    let mut sum = vec![0.0; dim + 1];
    for bytes in bytes.chunks_exact(points.row_bytes().max(1)) {
        widen(points.dtype(), bytes, &mut row);
        // the first pass refuses the others, and tells their numbers
        if row.iter().all(|value| value.is_finite()) {
            sum.iter_mut().zip(&row).for_each(|(sum, value)| *sum += value);
            sum[dim] += 1.0;
        }
    }
    fit.communicator.all_reduce(&mut sum)?;
    let count = sum.pop().unwrap_or_default().max(1.0);
    Ok(sum.into_iter().map(|sum| sum / count).collect())
}
