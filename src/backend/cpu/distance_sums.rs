//! Sums of distances from outer points to runs of inner points, for exact silhouettes.
//!
//! The kernel is [`multiply`]. The outer points are its panels, which stay in the second-level cache while the inner points
//! pass by. Products become a register tile of squared distances, `||x||^2 + ||y||^2 - 2 x y`. Their roots are added up by
//! segment at once: in float32 within a register tile, in float64 across tiles.
//!
//! Accuracy. Products of centred rows are added in chains of [`CHAIN`] columns. If rounding errors have independent signs
//! (Higham and Mary 2019), a squared distance is off by about `0.7 u CHAIN sqrt(d) rho`, in units of a column's variance,
//! where rho is the correlation of the two rows. The squared distance is `2 d (1 - rho)` in these units, and the root halves
//! the relative error. At d = 768 it is then about `u rho / (1 - rho)`. Pairs whose squared distance is below [`NEAR`] times
//! the sum of the squared norms (rho > 0.75) are computed by direct difference instead. So single distances are off by a few
//! u, and sums by much less than 1e-6. With few columns, direct differences cost no more than products, so all pairs are
//! computed that way.
//! If float32 rows are too coarse ([`PointSet::exact`]), near pairs are computed by direct difference in float64.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::measure::{TRUSTED, squared_between, squared_in_double};
use super::panels::{
    Panels, Rows, VECTORS, block_rows, lanes_of, multiply, row_stride, squared_norm, with_register_rows,
};
use crate::backend::{DistanceSums, DistanceTiling, PointSet};
use crate::base::error::Result;
use crate::base::numeric::to_f32;

/// Columns per chain of additions.
const CHAIN: usize = 128;

/// A squared distance below this share of the sum of the two squared norms is computed by direct difference.
const NEAR: f32 = 0.25;

/// Up to this many columns, all pairs are computed by direct difference.
const FEW_COLUMNS: usize = 32;

/// Inner points per call: enough to amortise the fixed cost of a call; their copy takes a few MiB.
const INNER: usize = 2048;

/// Most outer points per call: the sums of a call take a few MiB, however few columns there are.
const MOST_OUTER: usize = 1024;

/// Fewest outer points per call when they are divided among all threads.
const FEWEST_OUTER: usize = 64;

/// Divides points for `threads` threads. The outer points of a call fit the second-level cache, and each thread has several
/// calls, since calls differ in work.
pub(super) fn tiling(points: &PointSet, threads: usize) -> DistanceTiling {
    let share = points.len().div_ceil(4 * threads).next_multiple_of(FEWEST_OUTER).max(FEWEST_OUTER);
    let outer = block_rows(points.dim).min(MOST_OUTER).min(share);
    DistanceTiling { outer, inner: INNER, lanes: threads, symmetric: true }
}

/// A worker and its outer points.
pub(super) struct CpuDistanceSums<'a> {
    points: &'a PointSet,
    outer: Vec<u32>,
    panels: Panels,
    inner: InnerRows,
}

/// Copies of the inner points whose rows fall into different cache sets.
#[derive(Default)]
struct InnerRows {
    values: Vec<f32>,
    picked: Vec<u32>,
    norms: Vec<f32>,
}

impl<'a> CpuDistanceSums<'a> {
    pub(super) fn new(points: &'a PointSet) -> Self {
        CpuDistanceSums { points, outer: Vec::new(), panels: Panels::default(), inner: InnerRows::default() }
    }
}

impl DistanceSums for CpuDistanceSums<'_> {
    fn outer(&mut self, points: &[u32]) -> Result<()> {
        self.outer.clear();
        self.outer.extend_from_slice(points);
        let all = self.points;
        self.panels.pack(all.dim, points.len(), |i, row| row.copy_from_slice(all.row(points[i] as usize)));
        Ok(())
    }

    fn to_segments(&mut self, inner: Range<usize>, ends: &[usize], out: &mut [f64]) -> Result<()> {
        let sums = SegmentTotals { ends, columns: out, rows: None };
        let CpuDistanceSums { points, outer, panels, inner: copied } = self;
        Arch::new().dispatch(Summation { points, outer, panels, copied, inner, sums });
        Ok(())
    }

    fn both(
        &mut self,
        inner: Range<usize>,
        ends: &[usize],
        outer_ends: &[usize],
        columns: &mut [f64],
        rows: &mut [f64],
    ) -> Result<()> {
        let sums = SegmentTotals { ends, columns, rows: Some((outer_ends, rows)) };
        let CpuDistanceSums { points, outer, panels, inner: copied } = self;
        Arch::new().dispatch(Summation { points, outer, panels, copied, inner, sums });
        Ok(())
    }
}

/// Sums of one call.
struct SegmentTotals<'a> {
    /// Ends of the inner segments.
    ends: &'a [usize],
    /// `[segment][outer]`
    columns: &'a mut [f64],
    /// Ends of the outer segments and `[outer segment][inner]`; `None` unless each pair counts once.
    rows: Option<(&'a [usize], &'a mut [f64])>,
}

/// One call: all outer points against a range of inner ones.
struct Summation<'a> {
    points: &'a PointSet,
    outer: &'a [u32],
    panels: &'a Panels,
    copied: &'a mut InnerRows,
    inner: Range<usize>,
    sums: SegmentTotals<'a>,
}

impl WithSimd for Summation<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if self.points.dim <= FEW_COLUMNS {
            with_register_rows!(S, M => self.run::<S, M, true>(simd));
        } else {
            with_register_rows!(S, M => self.run::<S, M, false>(simd));
        }
    }
}

/// The pieces of `range` that lie in one segment each, with the segment. A segment ends at its entry of `ends`.
#[inline(always)]
fn pieces(ends: &[usize], range: Range<usize>) -> impl Iterator<Item = (usize, Range<usize>)> {
    let mut segment = ends.partition_point(|&end| end <= range.start);
    let mut start = range.start;
    std::iter::from_fn(move || {
        while start < range.end && ends.get(segment).is_some_and(|&end| end <= start) {
            segment += 1;
        }
        let end = ends.get(segment).map_or(range.end, |&end| end.min(range.end));
        (start < range.end).then(|| (segment, std::mem::replace(&mut start, end)..end))
    })
}

impl Summation<'_> {
    #[inline(always)]
    fn run<S: Simd, const M: usize, const DIFFERENCES: bool>(mut self, simd: S) {
        self.copy_inner();
        self.sums.columns.fill(0.0);
        let once = self.sums.rows.is_some();
        if let Some((_, rows)) = &mut self.sums.rows {
            rows.fill(0.0);
        }
        let Summation { points, outer, panels, copied, inner, mut sums } = self;
        let coarse = !points.exact.is_empty();
        let norms: Vec<f32> = panels.norms.iter().map(|&norm| to_f32(norm)).collect();
        let (norms, _) = S::as_simd_f32s(&norms);
        let rows =
            Rows { values: &copied.values, stride: row_stride(points.dim), dim: points.dim, picked: &copied.picked };
        // If each pair counts once, panels entirely at or below a group's first row have no pairs.
        let first_panel = |row: usize| match once {
            true => outer.partition_point(|&j| j as usize <= inner.start + row) / panels.width,
            false => 0,
        };
        multiply::<S, M, DIFFERENCES>(
            simd,
            CHAIN,
            rows,
            panels,
            first_panel,
            #[inline(always)]
            |row, panel, terms| {
                let group = Group {
                    points,
                    outer: &outer[panel * panels.width..outer.len().min((panel + 1) * panels.width)],
                    first_outer: panel * panels.width,
                    inner: inner.start + row..inner.end.min(inner.start + row + M),
                };
                let mut distances = *terms;
                let own_norms = &norms[panel * VECTORS..][..VECTORS];
                for (i, distances) in group.inner.clone().zip(&mut distances) {
                    let sure = if DIFFERENCES {
                        let own_norm = copied.norms[i - inner.start];
                        held(simd, distances)
                            & if coarse { apart(simd, own_norm, own_norms, distances) } else { u64::MAX }
                    } else {
                        squares(simd, copied.norms[i - inner.start], own_norms, distances)
                    };
                    for distances in &mut *distances {
                        *distances = simd.sqrt_f32s(*distances);
                    }
                    group.settle(i, !sure, once, bytemuck::cast_slice_mut(distances));
                }
                group.add::<S, M>(&distances, inner.start, inner.len(), outer.len(), &mut sums);
            },
        );
    }

    /// Copies the inner rows and computes their norms.
    #[inline(always)]
    fn copy_inner(&mut self) {
        let (dim, stride) = (self.points.dim, row_stride(self.points.dim));
        let InnerRows { values, picked, norms } = &mut *self.copied;
        // Never shortened: growing again would write zeros.
        values.resize(values.len().max(self.inner.len() * stride), 0.0);
        norms.clear();
        for (i, copy) in self.inner.clone().zip(values.chunks_exact_mut(stride)) {
            copy[..dim].copy_from_slice(self.points.row(i));
            norms.push(to_f32(squared_norm(&copy[..dim])));
        }
        picked.clear();
        picked.extend((0u32..).take(self.inner.len()));
    }
}

/// A register tile: up to `M` inner points against the outer points of one panel.
struct Group<'a> {
    points: &'a PointSet,
    /// Positions of the panel's outer points.
    outer: &'a [u32],
    /// Index of the first of them among all outer points.
    first_outer: usize,
    inner: Range<usize>,
}

impl Group<'_> {
    /// Computes the lanes `doubtful` of inner point `i` by direct difference. If each pair counts `once`, zeroes the distances
    /// to points whose position is not above `i`.
    #[inline(always)]
    fn settle(&self, i: usize, doubtful: u64, once: bool, distances: &mut [f32]) {
        let doubtful = doubtful & (u64::MAX >> (64 - self.outer.len()));
        if doubtful != 0 {
            self.measure(i, doubtful, distances);
        }
        if once && self.outer[0] as usize <= i {
            let below = self.outer.partition_point(|&j| j as usize <= i);
            distances[..below].fill(0.0);
        }
    }

    #[inline(never)]
    fn measure(&self, i: usize, mut doubtful: u64, distances: &mut [f32]) {
        while doubtful != 0 {
            let lane = doubtful.trailing_zeros() as usize;
            doubtful &= doubtful - 1;
            let j = self.outer[lane] as usize;
            let squared = match self.points.exact_rows(i, j) {
                Some([one, other]) => squared_in_double(one, other),
                None => squared_between(self.points.row(i), self.points.row(j)),
            };
            distances[lane] = to_f32(squared.sqrt());
        }
    }

    /// Adds up the distances of the register tile.
    #[inline(always)]
    fn add<S: Simd, const M: usize>(
        &self,
        distances: &[[S::f32s; VECTORS]; M],
        first_inner: usize,
        all_inner: usize,
        all_outer: usize,
        sums: &mut SegmentTotals<'_>,
    ) {
        let row = |i: usize| &bytemuck::cast_slice::<_, f32>(&distances[i - self.inner.start])[..self.outer.len()];
        for (segment, piece) in pieces(sums.ends, self.inner.clone()) {
            let mut run = [0.0f32; u64::BITS as usize];
            let run = &mut run[..self.outer.len()];
            for i in piece {
                run.iter_mut().zip(row(i)).for_each(|(sum, d)| *sum += d);
            }
            let columns = &mut sums.columns[segment * all_outer + self.first_outer..][..self.outer.len()];
            columns.iter_mut().zip(run).for_each(|(sum, run)| *sum += f64::from(*run));
        }
        let Some((ends, rows)) = &mut sums.rows else { return };
        let Some(&first) = self.outer.first() else { return };
        let first = first as usize;
        for (segment, piece) in pieces(ends, first..first + self.outer.len()) {
            for i in self.inner.clone() {
                let run: f32 = row(i)[piece.start - first..piece.end - first].iter().sum();
                rows[segment * all_inner + i - first_inner] += f64::from(run);
            }
        }
    }
}

/// Turns products of a row with a panel into squared distances. Returns the lanes in which they are accurate.
#[inline(always)]
fn squares<S: Simd>(simd: S, norm: f32, norms: &[S::f32s], row: &mut [S::f32s; VECTORS]) -> u64 {
    let (near, two) = (simd.splat_f32s(NEAR), simd.splat_f32s(2.0));
    let mut far = 0;
    for v in 0..VECTORS {
        let both = simd.add_f32s(norms[v], simd.splat_f32s(norm));
        row[v] = simd.sub_f32s(both, simd.mul_f32s(two, row[v]));
        let lanes = simd.greater_than_or_equal_f32s(row[v], simd.mul_f32s(both, near));
        far |= lanes_of::<S>(lanes) << (v * S::F32_LANES);
    }
    far & held(simd, row)
}

/// Lanes whose squared distance is not small beside the rows' norms.
#[inline(always)]
fn apart<S: Simd>(simd: S, norm: f32, norms: &[S::f32s], row: &[S::f32s; VECTORS]) -> u64 {
    let near = simd.splat_f32s(NEAR);
    let mut far = 0;
    for v in 0..VECTORS {
        let both = simd.add_f32s(norms[v], simd.splat_f32s(norm));
        far |= lanes_of::<S>(simd.greater_than_or_equal_f32s(row[v], simd.mul_f32s(both, near))) << (v * S::F32_LANES);
    }
    far
}

/// Lanes whose squared distance float32 holds at full precision.
#[inline(always)]
fn held<S: Simd>(simd: S, row: &[S::f32s; VECTORS]) -> u64 {
    let (low, high) = (simd.splat_f32s(to_f32(TRUSTED.start)), simd.splat_f32s(to_f32(TRUSTED.end)));
    let mut held = 0;
    for (v, &squared) in row.iter().enumerate() {
        let above = lanes_of::<S>(simd.greater_than_or_equal_f32s(squared, low));
        let below = lanes_of::<S>(simd.less_than_f32s(squared, high));
        held |= (above & below) << (v * S::F32_LANES);
    }
    held
}
