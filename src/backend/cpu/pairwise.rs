//! A block of the matrix of distances from a tile's rows to centroids.

use pulp::{Simd, WithSimd};

use super::tile::{Scratch, Tile};
use crate::base::matrix::MatrixView;
use crate::base::numeric::to_f32;

/// Bytes of a block of centroids, which stays in the second-level cache while all rows pass.
const CENTROID_BLOCK_BYTES: usize = 256 << 10;

/// A block of the distance matrix.
pub(super) struct Pairwise<'a, 'm> {
    pub(super) tile: Tile<'a>,
    pub(super) scratch: &'a mut Scratch,
    pub(super) centroids: MatrixView<'m>,
    pub(super) first: usize,
    pub(super) count: usize,
    pub(super) out: &'a mut [f32],
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
                point.squared_to_all(simd, end - start, centroid, |j, squared| out[j] = to_f32(squared.sqrt()));
            }
        }
    }
}
