//! Distances of a tile's rows to their own centroids.

use pulp::{Simd, WithSimd};

use super::tile::{Scratch, Tile};
use crate::backend::{TileObservation, UNLABELLED};
use crate::base::matrix::MatrixView;

/// Squared distances of a tile's rows to their own centroids, on every level.
pub(super) struct OwnDistances<'a, 'm> {
    pub(super) tile: Tile<'a>,
    pub(super) scratch: &'a mut Scratch,
    pub(super) levels: &'a [MatrixView<'m>],
    pub(super) labels: &'a [&'a [u32]],
    pub(super) out: &'a mut TileObservation,
}

impl WithSimd for OwnDistances<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for row in 0..self.tile.rows {
            // If any level labels a row, the first one does.
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
