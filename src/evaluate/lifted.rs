//! Points and means with one more column, in which Euclidean distances are mean distances to the points of a cluster.
//!
//! For a point x and a cluster c with mean mu and members y, the mean of |x - y|^2 is |x - mu|^2 + V, where V is the mean of
//! |y - mu|^2. A column that is 0 for points and the root of V for the mean adds V. So the nearest lifted mean is the
//! cluster with the least mean squared distance, and any search finds it. Nothing is subtracted that is nearly equal.

use crate::base::double_double::squares_beyond_one;
use crate::base::error::Result;
use crate::base::matrix::Dtype;
use crate::base::numeric::as_real;
use crate::formats::embeddings::Embeddings;

/// Below this, V is nothing but the rounding of |mu|^2 in float64: the points of the cluster are equal.
const NOISE: f64 = 1e-15;

/// Reads rows like [`Embeddings::read_rows`], each with a zero appended.
pub(super) fn read_rows(embeddings: &Embeddings, first: u64, out: &mut [u8]) -> Result<()> {
    let (from, element) = (embeddings.row_bytes(), embeddings.dtype().size());
    let count = out.len() / (from + element);
    let start = count * element;
    embeddings.read_rows(first, &mut out[start..])?;
    for row in 0..count {
        let (source, place) = (start + row * from, row * (from + element));
        // moves towards the front, past no row that is still to be moved
        out.copy_within(source..source + from, place);
        out[place + from..][..element].fill(0);
    }
    Ok(())
}

/// Appends `|x|^2 - 1` of each row: what rounding to the element type left of a normalised row's norm.
pub(super) fn excesses(dtype: Dtype, dim: usize, rows: &[u8], out: &mut Vec<f64>) {
    let mut row = vec![0.0; dim];
    out.extend(rows.chunks_exact(dim * dtype.size()).map(|bytes| {
        dtype.widen(bytes, &mut row);
        squares_beyond_one(&row)
    }));
}

/// The root of V of a cluster of `size` points with this `mean`, whose `excess` is the sum of `|y|^2 - 1`.
pub(super) fn height(mean: &[f64], size: u64, excess: f64) -> f64 {
    // mean of |y|^2, less |mu|^2
    let spread = excess / as_real(size) - squares_beyond_one(mean);
    if spread > NOISE { spread.sqrt() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_height_is_the_spread_of_the_cluster() {
        let points = [[0.6, 0.8], [0.8, 0.6], [1.0, 0.0]];
        let excess = points.iter().map(|point| squares_beyond_one(point)).sum();
        let mean = [0.8, 1.4 / 3.0];
        let spread: f64 = points.iter().flatten().zip(mean.iter().cycle()).map(|(y, mu)| (y - mu).powi(2) / 3.0).sum();
        assert!((height(&mean, 3, excess) - spread.sqrt()).abs() < 1e-15);
        assert_eq!(height(&points[0], 1, squares_beyond_one(&points[0])), 0.0);
        // float32 leaves norms of equal points that differ from 1 by the same
        let rounded = [0.6_f32, 0.8].map(f64::from);
        assert!(squares_beyond_one(&rounded).abs() > 1e-9);
        assert_eq!(height(&rounded, 5, 5.0 * squares_beyond_one(&rounded)), 0.0);
    }
}
