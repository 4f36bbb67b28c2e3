//! The rows of a tile, and their squared distances to centroids in the one arithmetic that all operations share.

use bytemuck::cast_slice;
use half::f16;
use half::slice::HalfFloatSliceExt;
use pulp::Simd;

use super::distance::{squared_f32, squared_f64};
use crate::matrix::{Dtype, MatrixView};

/// Squared distances outside this range may have lost bits to float32's overflow or underflow and are computed again
/// in float64, so that embeddings of any finite magnitude are right.
pub(super) const TRUSTED: std::ops::Range<f64> = 1e-28..1e37;

/// Chains of additions per distance. The same for every operation and for one centroid or four at once, so that a
/// distance has the same bits wherever it is taken.
const CHAINS: usize = 2;

/// Room for one row in the precisions that the levels need.
#[derive(Default)]
pub(super) struct Scratch {
    single: Vec<f32>,
    double: Vec<f64>,
}

impl Scratch {
    pub(super) fn new(dim: usize) -> Self {
        Scratch { single: vec![0.0; dim], double: vec![0.0; dim] }
    }
}

/// The staged rows.
#[derive(Clone, Copy)]
pub(super) struct Tile<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) dim: usize,
    pub(super) rows: usize,
    pub(super) dtype: Dtype,
    /// Whether any level needs the rows in float64.
    pub(super) double: bool,
}

/// One row, in the precisions that were asked for.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    /// Empty where the embeddings are float64.
    pub(super) single: &'a [f32],
    /// Empty where no level is float64.
    pub(super) double: &'a [f64],
}

impl<'a> Tile<'a> {
    #[inline(always)]
    pub(super) fn row<'s>(&self, row: usize, scratch: &'s mut Scratch) -> Row<'s>
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

impl<'a> Row<'a> {
    /// A row of a matrix, as a point.
    pub(super) fn of(matrix: &MatrixView<'a>, index: usize) -> Self {
        match matrix {
            MatrixView::F32(m) => Row { single: row_of(m, index), double: &[] },
            MatrixView::F64(m) => Row { single: &[], double: row_of(m, index) },
        }
    }

    pub(super) fn is_finite(&self) -> bool {
        self.single.iter().all(|v| v.is_finite()) && self.double.iter().all(|v| v.is_finite())
    }

    /// The row less a centre of as many columns, each difference handed to `put` with its column.
    #[inline(always)]
    pub(super) fn centred(&self, centre: &[f64], mut put: impl FnMut(usize, f64)) {
        if self.single.is_empty() {
            self.double.iter().zip(centre).enumerate().for_each(|(j, (x, c))| put(j, x - c));
        } else {
            self.single.iter().zip(centre).enumerate().for_each(|(j, (&x, c))| put(j, f64::from(x) - c));
        }
    }

    /// Squared distances to `N` centroids, each a row of a matrix. Those of float32 are taken together, so that the
    /// point is loaded once for all of them.
    #[inline(always)]
    pub(super) fn squared<S: Simd, const N: usize>(&self, simd: S, to: [(&MatrixView<'_>, usize); N]) -> [f64; N] {
        let mut single: [&[f32]; N] = [&[]; N];
        for (single, (centroids, index)) in single.iter_mut().zip(to) {
            if let MatrixView::F32(c) = centroids {
                *single = row_of(c, index);
            }
        }
        // float64 centroids are empty slices here, and so is a float64 point
        if !self.single.is_empty() && single.iter().all(|c| c.len() == self.single.len()) {
            return squared_singles(simd, self.single, single);
        }
        to.map(|(centroids, index)| match centroids {
            MatrixView::F32(c) if self.single.is_empty() => squared_widened(simd, self.double, row_of(c, index)),
            MatrixView::F32(c) => squared_singles(simd, self.single, [row_of(c, index)])[0],
            MatrixView::F64(c) => squared_f64::<S, 1, 4>(simd, self.double, [row_of(c, index)])[0],
        })
    }

    /// Squared distances to any number of centroids, handed to `put` one by one in their order.
    #[inline(always)]
    pub(super) fn squared_to_all<'c, 'm: 'c, S: Simd>(
        &self,
        simd: S,
        count: usize,
        centroid: impl Fn(usize) -> (&'c MatrixView<'m>, usize),
        mut put: impl FnMut(usize, f64),
    ) {
        let mut i = 0;
        while i + 4 <= count {
            let four = self.squared(simd, [centroid(i), centroid(i + 1), centroid(i + 2), centroid(i + 3)]);
            for (n, squared) in four.into_iter().enumerate() {
                put(i + n, squared);
            }
            i += 4;
        }
        while i < count {
            put(i, self.squared(simd, [centroid(i)])[0]);
            i += 1;
        }
    }
}

/// Of a float32 row to `N` others, right for any finite magnitude.
#[inline(always)]
pub(super) fn squared_singles<S: Simd, const N: usize>(simd: S, x: &[f32], c: [&[f32]; N]) -> [f64; N] {
    let mut squared = squared_f32::<S, N, CHAINS>(simd, x, c);
    for (squared, c) in squared.iter_mut().zip(c) {
        if !TRUSTED.contains(squared) {
            *squared = squared_in_double(x, c);
        }
    }
    squared
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
pub(super) fn squared_in_double(x: &[f32], c: &[f32]) -> f64 {
    x.iter().zip(c).map(|(&x, &c)| (f64::from(x) - f64::from(c)).powi(2)).sum()
}

/// A row of a row-major matrix as a slice.
#[inline(always)]
fn row_of<'m, T>(matrix: &ndarray::ArrayView2<'m, T>, index: usize) -> &'m [T] {
    let dim = matrix.ncols();
    let all = matrix.to_slice().expect("inputs hand centroids over row-major");
    &all[index * dim..][..dim]
}

/// A number as float32 holds it.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "rounding to float32 is what it is for")]
pub(super) fn narrow(value: f64) -> f32 {
    value as f32
}
