//! Squared distances of a row to centroids, in the one arithmetic that all operations share.

use pulp::{Arch, Simd, WithSimd};

use super::distance::{squared_f32, squared_f64};
use super::tile::{Row, row_of};
use crate::base::distance::squared;
use crate::base::matrix::MatrixView;

/// Squared distances outside this range may have lost bits to overflow or underflow of float32. They are computed again in
/// float64, so results are right for embeddings of any finite magnitude.
pub(super) const TRUSTED: std::ops::Range<f64> = 1e-28..1e37;

/// Chains of additions per distance. The same in every operation and for one or four centroids at once, so a distance has the
/// same bits wherever it is computed.
const CHAINS: usize = 2;

impl Row<'_> {
    /// Squared distances to `N` centroids, each a row of a matrix. Centroids of one element type are processed together, so the
    /// point is loaded once for all of them.
    #[inline(always)]
    fn squared<S: Simd, const N: usize>(&self, simd: S, to: [(&MatrixView<'_>, usize); N]) -> [f64; N] {
        let (mut single, mut double): ([&[f32]; N], [&[f64]; N]) = ([&[]; N], [&[]; N]);
        for ((single, double), (centroids, index)) in single.iter_mut().zip(&mut double).zip(to) {
            match centroids {
                MatrixView::F32(c) => *single = row_of(c, index),
                MatrixView::F64(c) => *double = row_of(c, index),
            }
        }
        // Centroids of the other type are empty slices here, and so is a point of the other type.
        if !self.single.is_empty() && single.iter().all(|c| c.len() == self.single.len()) {
            return squared_singles(simd, self.single, single);
        }
        if !self.double.is_empty() && double.iter().all(|c| c.len() == self.double.len()) {
            return squared_f64::<S, N, 4>(simd, self.double, double);
        }
        // A loop rather than `array::map`, which the compiler doesn't inline here and then compiles without SIMD.
        let mut squared = [0.0; N];
        for n in 0..N {
            squared[n] = if !double[n].is_empty() {
                squared_f64::<S, 1, 4>(simd, self.double, [double[n]])[0]
            } else if self.single.is_empty() {
                squared_widened(simd, self.double, single[n])
            } else {
                squared_singles(simd, self.single, [single[n]])[0]
            };
        }
        squared
    }

    /// Squared distance to a row of a matrix in float64, whatever the element types.
    #[cold]
    pub(super) fn exactly_to(&self, matrix: &MatrixView<'_>, index: usize) -> f64 {
        match (Row::of(matrix, index), self.single.is_empty()) {
            (Row { single: [], double }, true) => squared_in_double(self.double, double),
            (Row { single: [], double }, false) => squared_in_double(self.single, double),
            (Row { single, .. }, true) => squared_in_double(self.double, single),
            (Row { single, .. }, false) => squared_in_double(self.single, single),
        }
    }

    /// Passes the squared distances to any number of centroids to `put`, one by one in order.
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

/// Squared distances of a float32 row to `N` others, right for any finite magnitude.
#[inline(always)]
fn squared_singles<S: Simd, const N: usize>(simd: S, x: &[f32], c: [&[f32]; N]) -> [f64; N] {
    let mut squared = squared_f32::<S, N, CHAINS>(simd, x, c);
    for (squared, c) in squared.iter_mut().zip(c) {
        if !TRUSTED.contains(squared) {
            *squared = squared_in_double(x, c);
        }
    }
    squared
}

/// Squared distance of a float64 row to a float32 row, which is widened piece by piece.
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

/// Squared distance of two rows in float64, which few pairs need.
#[cold]
pub(super) fn squared_in_double<T: Copy + Into<f64>, U: Copy + Into<f64>>(x: &[T], c: &[U]) -> f64 {
    squared(x, c)
}

/// Writes the squared distances of a point to the `rows` of a matrix to `out`, in order.
pub(super) fn squared_to(point: Row<'_>, matrix: &MatrixView<'_>, rows: &[u32], out: &mut Vec<f64>) {
    out.clear();
    Arch::new().dispatch(ToRows { point, matrix, rows, out });
}

struct ToRows<'a, 'm> {
    point: Row<'a>,
    matrix: &'a MatrixView<'m>,
    rows: &'a [u32],
    out: &'a mut Vec<f64>,
}

impl WithSimd for ToRows<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let to = |i: usize| (self.matrix, self.rows[i] as usize);
        self.point.squared_to_all(simd, self.rows.len(), to, |_, squared| self.out.push(squared));
    }
}

/// Squared distance of two float32 rows.
pub(super) fn squared_between(a: &[f32], b: &[f32]) -> f64 {
    Arch::new().dispatch(Between { a, b })
}

struct Between<'a> {
    a: &'a [f32],
    b: &'a [f32],
}

impl WithSimd for Between<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        squared_singles(simd, self.a, [self.b])[0]
    }
}
