//! Estimates the middle of all points before the first pass.

use super::Fit;
use crate::base::error::Result;
use crate::engine::points::Points;

/// Points per process from which the middle is estimated. It is subtracted before a search expands its distances, so that a
/// common offset costs no accuracy. An estimate is good enough for that.
const SAMPLED: u64 = 256;

/// Medians of the columns of a few points, averaged over all processes, `[d]`. A few points that are very far from the others
/// don't move it; they would move a mean so far that float32 could not tell the others apart.
pub(super) fn near_middle(fit: &Fit<'_>) -> Result<Vec<f64>> {
    let (points, dim) = (fit.points, fit.points.dim());
    let bytes = sampled(points)?;
    let mut row = vec![0.0; dim];
    let mut columns = vec![Vec::new(); dim];
    for bytes in bytes.chunks_exact(points.row_bytes().max(1)) {
        points.dtype().widen(bytes, &mut row);
        // the first pass reports and refuses the others
        if row.iter().all(|value| value.is_finite()) {
            columns.iter_mut().zip(&row).for_each(|(column, &value)| column.push(value));
        }
    }
    let counted = if columns.first().is_none_or(Vec::is_empty) { 0.0 } else { 1.0 };
    let mut sum: Vec<f64> = columns.into_iter().map(median).chain([counted]).collect();
    fit.communicator.all_reduce(&mut sum)?;
    let count = sum.pop().unwrap_or_default().max(1.0);
    Ok(sum.into_iter().map(|sum| sum / count).collect())
}

/// A few points, evenly spread over all, `[count, row_bytes]`.
pub(super) fn sampled(points: &dyn Points) -> Result<Vec<u8>> {
    let taken = points.len().min(SAMPLED);
    let place = |number: u64| u128::from(number) * u128::from(points.len()) / u128::from(taken);
    let positions: Vec<u64> = (0..taken).map(|number| u64::try_from(place(number)).unwrap_or(u64::MAX)).collect();
    let mut bytes = vec![0; positions.len() * points.row_bytes()];
    points.gather(&positions, &mut bytes)?;
    Ok(bytes)
}

/// The median, or the upper one of two; 0 without values.
fn median(mut values: Vec<f64>) -> f64 {
    let middle = values.len() / 2;
    match values.get(middle) {
        Some(_) => *values.select_nth_unstable_by(middle, f64::total_cmp).1,
        None => 0.0,
    }
}
