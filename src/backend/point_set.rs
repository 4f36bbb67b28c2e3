//! Sums of distances between points, for exact silhouettes.

use std::ops::Range;

use crate::base::error::Result;

/// Centred points on the host, ordered so that every cluster of every level is contiguous.
#[derive(Debug, Clone, Default)]
pub struct PointSet {
    /// Number of columns.
    pub dim: usize,
    /// `[n, dim]`, row-major, with a common centre subtracted.
    pub values: Vec<f32>,
    /// The same points in float64, in the same unit, without the centre; empty where float32 is accurate enough. Distances
    /// that are small beside the rows, or that float32 can't square, are those of these.
    pub exact: Vec<f64>,
}

impl PointSet {
    /// Number of points.
    pub fn len(&self) -> usize {
        self.values.len().checked_div(self.dim).unwrap_or(0)
    }

    /// Whether there are no points.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Two points in float64; `None` where float32 is accurate enough.
    pub fn exact_rows(&self, one: usize, other: usize) -> Option<[&[f64]; 2]> {
        let row = |index: usize| self.exact.get(index * self.dim..(index + 1) * self.dim);
        if self.exact.is_empty() { None } else { Some([row(one)?, row(other)?]) }
    }

    /// One point.
    pub fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.dim..][..self.dim]
    }
}

/// How a device divides sums of distances into calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DistanceTiling {
    /// Most outer points per call.
    pub outer: usize,
    /// Most inner points per call.
    pub inner: usize,
    /// Lanes to open, each driven by a thread.
    pub lanes: usize,
    /// Whether [`DistanceSums::both`] is supported. It evaluates each pair once and is twice as fast.
    pub symmetric: bool,
}

/// Sums of Euclidean distances from outer points to runs of inner points. Sums are as accurate as the crate's contract
/// requires of means; pairs too close for the expanded form are evaluated by direct difference.
pub trait DistanceSums: Send {
    /// Sets the outer points of the following calls: ascending positions, at most `tiling.outer`.
    fn outer(&mut self, points: &[u32]) -> Result<()>;

    /// For segment `s` of the inner points and outer point `j`, `out[s * outer.len() + j]` is the sum of the distances
    /// between them; a point's distance to itself counts as 0. Segment `s` runs from `ends[s - 1]` (the first from
    /// `inner.start`) to `ends[s]`; the last ends at `inner.end`. `inner` has at most `tiling.inner` points.
    fn to_segments(&mut self, inner: Range<usize>, ends: &[usize], out: &mut [f64]) -> Result<()>;

    /// Both directions of the pairs (i, j) with position i of `inner` below position j of the outer points, which must be
    /// consecutive: `columns[s * outer.len() + j]` as above over those pairs, and
    /// `rows[t * inner.len() + i]` the sum over the outer points of segment `t`, which ends at `outer_ends[t]`.
    ///
    /// # Panics
    /// If the tiling is not symmetric.
    fn both(
        &mut self,
        inner: Range<usize>,
        ends: &[usize],
        outer_ends: &[usize],
        columns: &mut [f64],
        rows: &mut [f64],
    ) -> Result<()>;
}
