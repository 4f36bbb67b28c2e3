//! The rows of a tile, in the required precisions.

use bytemuck::cast_slice;
use half::f16;
use half::slice::HalfFloatSliceExt;

use crate::base::matrix::{Dtype, MatrixView};

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

/// One row, in the required precisions.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    /// Empty if the embeddings are float64.
    pub(super) single: &'a [f32],
    /// Empty if neither the embeddings nor any level is float64.
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

    /// Copies the row as float64, which is exact.
    #[inline(always)]
    pub(super) fn widen(&self, out: &mut [f64]) {
        if self.single.is_empty() {
            out.copy_from_slice(self.double);
        } else {
            out.iter_mut().zip(self.single).for_each(|(out, &x)| *out = f64::from(x));
        }
    }

    /// Calls `put` for each column, with that column of `out` and the value minus that of `centre`.
    #[inline(always)]
    pub(super) fn less<T>(&self, centre: &[f64], out: &mut [T], put: impl Fn(&mut T, f64)) {
        if self.single.is_empty() {
            self.double.iter().zip(centre).zip(out).for_each(|((x, c), out)| put(out, x - c));
        } else {
            self.single.iter().zip(centre).zip(out).for_each(|((&x, c), out)| put(out, f64::from(x) - c));
        }
    }
}

/// A row of a row-major matrix as a slice.
#[inline(always)]
pub(super) fn row_of<'m, T>(matrix: &ndarray::ArrayView2<'m, T>, index: usize) -> &'m [T] {
    let dim = matrix.ncols();
    let all = matrix.to_slice().expect("centroids are row-major");
    &all[index * dim..][..dim]
}
