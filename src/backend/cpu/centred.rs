//! A tile's labelled rows minus the job's centre, in float32, as the kernels read them.

use pulp::{Simd, WithSimd};

use super::panels::{Rows, row_stride, squared_norm};
use super::tile::{Scratch, Tile};
use crate::backend::UNLABELLED;
use crate::base::numeric::to_f32;

/// Centred rows; computed once per tile if the levels label the same rows.
#[derive(Default)]
pub(super) struct CentredRows {
    dim: usize,
    values: Vec<f32>,
    /// Rows of the tile, ascending.
    pub(super) rows: Vec<u32>,
    /// 0, 1, 2, ...: all of `rows`.
    pub(super) picked: Vec<u32>,
    /// Squared norm of each.
    pub(super) squared_norms: Vec<f64>,
}

impl CentredRows {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn dim(&self) -> usize {
        self.dim
    }

    /// All rows, for the kernel.
    pub(super) fn all(&self) -> Rows<'_> {
        Rows { values: &self.values, stride: row_stride(self.dim), dim: self.dim, picked: &self.picked }
    }

    /// Drops the rows when a new tile arrives.
    pub(super) fn clear(&mut self) {
        self.rows.clear();
        self.squared_norms.clear();
    }

    /// Whether these are the rows that `labels` labels.
    fn are_labelled_by(&self, labels: &[u32]) -> bool {
        self.rows.iter().copied().eq(labelled(labels)) && self.squared_norms.len() == self.rows.len()
    }
}

/// Rows that have a label.
pub(super) fn labelled(labels: &[u32]) -> impl Iterator<Item = u32> {
    (0u32..).zip(labels).filter(|(_, label)| **label != UNLABELLED).map(|(row, _)| row)
}

/// Fills [`CentredRows`] with the labelled rows, unless it already holds them.
pub(super) struct Centring<'a> {
    pub(super) tile: Tile<'a>,
    pub(super) scratch: &'a mut Scratch,
    pub(super) labels: &'a [u32],
    pub(super) centre: &'a [f64],
    pub(super) out: &'a mut CentredRows,
}

impl WithSimd for Centring<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let out = self.out;
        if out.are_labelled_by(self.labels) {
            return;
        }
        out.clear();
        out.dim = self.tile.dim;
        out.rows.extend(labelled(self.labels));
        out.picked.clear();
        out.picked.extend((0u32..).take(out.rows.len()));
        let stride = row_stride(self.tile.dim);
        // Never shortened: growing again would write zeros.
        out.values.resize(out.values.len().max(out.rows.len() * stride), 0.0);
        for (&row, values) in out.rows.iter().zip(out.values.chunks_exact_mut(stride)) {
            let values = &mut values[..self.tile.dim];
            let point = self.tile.row(row as usize, self.scratch);
            point.less(self.centre, values, |value, x| *value = to_f32(x));
            out.squared_norms.push(squared_norm(values));
        }
    }
}
