//! Estimates the mean of all points before the first pass.

use super::Fit;
use crate::base::error::Result;
use crate::engine::points::widen;

/// Points per process from which the mean is estimated. It is subtracted before anything is summed, so that a common offset
/// costs no accuracy. An estimate is good enough for that.
const SAMPLED: u64 = 256;

/// Mean of a few points of every process, `[d]`, the same on all processes.
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
        // the first pass reports and refuses the others
        if row.iter().all(|value| value.is_finite()) {
            sum.iter_mut().zip(&row).for_each(|(sum, value)| *sum += value);
            sum[dim] += 1.0;
        }
    }
    fit.communicator.all_reduce(&mut sum)?;
    let count = sum.pop().unwrap_or_default().max(1.0);
    Ok(sum.into_iter().map(|sum| sum / count).collect())
}
