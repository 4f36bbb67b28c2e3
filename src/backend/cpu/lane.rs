//! A lane of the CPU backend: one tile, its labels, its distances.

use bytemuck::{cast_slice, cast_slice_mut};
use half::f16;
use half::slice::HalfFloatSliceExt;
use pulp::{Arch, Simd, WithSimd};

use super::distance::{squared_f32, squared_f64};
use crate::backend::{GroupSums, Job, Lane, NearestTwo, Observation, TileObservation, Tiling, UNLABELLED};
use crate::error::Result;
use crate::matrix::{Dtype, MatrixView};

/// Squared distances outside this range may have lost bits to float32's overflow or underflow and are computed again
/// in float64, so that embeddings of any finite magnitude are right.
const TRUSTED: std::ops::Range<f64> = 1e-28..1e37;

/// Centroids that are searched together while they lie in the second-level cache.
const CENTROID_BLOCK_BYTES: usize = 256 << 10;

/// One worker's tile.
pub(super) struct CpuLane<'a> {
    job: &'a Job<'a>,
    /// The tile's bytes, in words so that they are aligned for every element type.
    words: Vec<u64>,
    rows: usize,
    scratch: Scratch,
}

/// Room for one row in the precisions that the levels need.
#[derive(Default)]
struct Scratch {
    single: Vec<f32>,
    double: Vec<f64>,
}

impl<'a> CpuLane<'a> {
    pub(super) fn new(job: &'a Job<'a>, tiling: Tiling) -> Self {
        let words = (tiling.tile_rows * job.dim * job.dtype.size()).div_ceil(8);
        let scratch = Scratch { single: vec![0.0; job.dim], double: vec![0.0; job.dim] };
        CpuLane { job, words: vec![0; words], rows: 0, scratch }
    }

    fn tile(&mut self) -> (&'a Job<'a>, Tile<'_>, &mut Scratch) {
        let bytes = &cast_slice(&self.words)[..self.rows * self.job.dim * self.job.dtype.size()];
        let double = self.job.dtype == Dtype::F64 || self.job.levels.iter().any(|l| matches!(l, MatrixView::F64(_)));
        let tile = Tile { bytes, dim: self.job.dim, rows: self.rows, dtype: self.job.dtype, double };
        (self.job, tile, &mut self.scratch)
    }
}

impl Lane for CpuLane<'_> {
    fn staging(&mut self, rows: usize) -> &mut [u8] {
        self.rows = rows;
        let bytes = rows * self.job.dim * self.job.dtype.size();
        &mut cast_slice_mut(&mut self.words)[..bytes]
    }

    fn upload(&mut self) -> Result<()> {
        Ok(())
    }

    fn own_distances(&mut self, labels: &[&[u32]], out: &mut TileObservation) -> Result<()> {
        out.nonfinite.clear();
        out.levels.resize_with(labels.len(), Observation::default);
        for level in &mut out.levels {
            level.runs.clear();
            level.squared.clear();
        }
        let (job, tile, scratch) = self.tile();
        Arch::new().dispatch(OwnDistances { tile, scratch, levels: &job.levels, labels, out });
        Ok(())
    }

    fn pairwise(&mut self, level: usize, first: usize, count: usize, out: &mut [f32]) -> Result<()> {
        let (job, tile, scratch) = self.tile();
        Arch::new().dispatch(Pairwise { tile, scratch, centroids: job.levels[level], first, count, out });
        Ok(())
    }

    fn nearest_two(&mut self, _level: usize, _labels: &[u32], _out: &mut Vec<NearestTwo>) -> Result<()> {
        unimplemented!()
    }

    fn cluster_sums(&mut self, _labels: &[u32], _out: &mut GroupSums) -> Result<()> {
        unimplemented!()
    }
}

/// The staged rows.
#[derive(Clone, Copy)]
struct Tile<'a> {
    bytes: &'a [u8],
    dim: usize,
    rows: usize,
    dtype: Dtype,
    /// Whether any level needs the rows in float64.
    double: bool,
}

/// One row, in the precisions that were asked for.
struct Row<'a> {
    /// Empty where the embeddings are float64.
    single: &'a [f32],
    /// Empty where no level is float64.
    double: &'a [f64],
}

impl<'a> Tile<'a> {
    fn row<'s>(&self, row: usize, scratch: &'s mut Scratch) -> Row<'s>
    where
        'a: 's,
    {
        let size = self.dim * self.dtype.size();
        let bytes = &self.bytes[row * size..][..size];
        let single: &[f32] = match self.dtype {
            Dtype::F16 => {
                cast_slice::<u8, f16>(bytes).convert_to_f32_slice(&mut scratch.single);
                &scratch.single
            }
            Dtype::F32 => cast_slice(bytes),
            Dtype::F64 => return Row { single: &[], double: cast_slice(bytes) },
        };
        if !self.double {
            return Row { single, double: &[] };
        }
        scratch.double.iter_mut().zip(single).for_each(|(d, &s)| *d = f64::from(s));
        Row { single, double: &scratch.double }
    }
}

impl Row<'_> {
    fn is_finite(&self) -> bool {
        self.single.iter().all(|v| v.is_finite()) && self.double.iter().all(|v| v.is_finite())
    }

    /// Squared distances to `N` centroids, each a row of a matrix. Those of float32 are taken together, so that the
    /// point is loaded once for all of them.
    #[inline(always)]
    fn squared<S: Simd, const N: usize, const A: usize>(&self, simd: S, to: [(&MatrixView<'_>, usize); N]) -> [f64; N] {
        let mut single: [&[f32]; N] = [&[]; N];
        for (single, (centroids, index)) in single.iter_mut().zip(to) {
            if let MatrixView::F32(c) = centroids {
                *single = row_of(c, index);
            }
        }
        // float64 centroids are empty slices here, and so is a float64 point
        if !self.single.is_empty() && single.iter().all(|c| c.len() == self.single.len()) {
            let mut squared = squared_f32::<S, N, A>(simd, self.single, single);
            for (squared, c) in squared.iter_mut().zip(single) {
                if !TRUSTED.contains(squared) {
                    *squared = squared_in_double(self.single, c);
                }
            }
            return squared;
        }
        to.map(|(centroids, index)| match centroids {
            MatrixView::F32(c) if self.single.is_empty() => squared_widened(simd, self.double, row_of(c, index)),
            MatrixView::F32(c) => squared_f32::<S, 1, 4>(simd, self.single, [row_of(c, index)])[0],
            MatrixView::F64(c) => squared_f64::<S, 1, 4>(simd, self.double, [row_of(c, index)])[0],
        })
    }

    /// Squared distances to any number of centroids, handed to `put` one by one in their order.
    #[inline(always)]
    fn squared_to_all<'c, 'm: 'c, S: Simd>(
        &self,
        simd: S,
        count: usize,
        centroid: impl Fn(usize) -> (&'c MatrixView<'m>, usize),
        mut put: impl FnMut(usize, f64),
    ) {
        let mut i = 0;
        while i + 4 <= count {
            let four = self.squared::<S, 4, 2>(simd, [centroid(i), centroid(i + 1), centroid(i + 2), centroid(i + 3)]);
            for (n, squared) in four.into_iter().enumerate() {
                put(i + n, squared);
            }
            i += 4;
        }
        while i < count {
            put(i, self.squared::<S, 1, 4>(simd, [centroid(i)])[0]);
            i += 1;
        }
    }
}

/// Of a float64 row to a float32 one, which is widened piece by piece.
#[inline(always)]
fn squared_widened<S: Simd>(simd: S, x: &[f64], c: &[f32]) -> f64 {
    let mut wide = [0.0; 256];
    x.chunks(wide.len())
        .zip(c.chunks(wide.len()))
        .map(|(x, c)| {
            wide.iter_mut().zip(c).for_each(|(w, &c)| *w = f64::from(c));
            squared_f64::<S, 1, 4>(simd, x, [&wide[..c.len()]])[0]
        })
        .sum()
}

/// Of two float32 rows in float64, for what float32 can't hold.
#[cold]
fn squared_in_double(x: &[f32], c: &[f32]) -> f64 {
    x.iter().zip(c).map(|(&x, &c)| (f64::from(x) - f64::from(c)).powi(2)).sum()
}

/// A row of a row-major matrix as a slice.
#[inline(always)]
fn row_of<'m, T>(matrix: &ndarray::ArrayView2<'m, T>, index: usize) -> &'m [T] {
    let dim = matrix.ncols();
    let all = matrix.to_slice().expect("inputs hand centroids over row-major");
    &all[index * dim..][..dim]
}

struct OwnDistances<'a, 'm> {
    tile: Tile<'a>,
    scratch: &'a mut Scratch,
    levels: &'a [MatrixView<'m>],
    labels: &'a [&'a [u32]],
    out: &'a mut TileObservation,
}

impl WithSimd for OwnDistances<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for row in 0..self.tile.rows {
            // the first level has a label wherever any level has one
            if self.labels[0][row] == UNLABELLED {
                self.out.levels.iter_mut().for_each(|level| level.squared.push(f64::NAN));
                continue;
            }
            let point = self.tile.row(row, self.scratch);
            let mut finite = true;
            let own = |level: usize| (&self.levels[level], self.labels[level][row] as usize);
            let out = &mut self.out.levels;
            point.squared_to_all(simd, self.levels.len(), own, |level, squared| {
                finite &= squared.is_finite();
                out[level].squared.push(squared);
            });
            if !finite && !point.is_finite() {
                self.out.levels.iter_mut().for_each(|level| level.squared[row] = f64::NAN);
                self.out.nonfinite.extend(u32::try_from(row));
            }
        }
    }
}

struct Pairwise<'a, 'm> {
    tile: Tile<'a>,
    scratch: &'a mut Scratch,
    centroids: MatrixView<'m>,
    first: usize,
    count: usize,
    out: &'a mut [f32],
}

impl WithSimd for Pairwise<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let block = (CENTROID_BLOCK_BYTES / (self.tile.dim * 4).max(1)).max(1);
        for start in (0..self.count).step_by(block) {
            let end = (start + block).min(self.count);
            for row in 0..self.tile.rows {
                let point = self.tile.row(row, self.scratch);
                let out = &mut self.out[row * self.count..][start..end];
                if !point.is_finite() {
                    out.fill(f32::NAN);
                    continue;
                }
                let centroid = |j: usize| (&self.centroids, self.first + start + j);
                point.squared_to_all(simd, end - start, centroid, |j, squared| out[j] = narrow(squared.sqrt()));
            }
        }
    }
}

/// A distance as it is stored.
#[expect(clippy::cast_possible_truncation, reason = "distance buffers are float32 by contract")]
fn narrow(distance: f64) -> f32 {
    distance as f32
}
