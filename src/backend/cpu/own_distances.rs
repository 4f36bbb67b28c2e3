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
            let missing = self.labels.iter().filter(|labels| labels[row] == UNLABELLED).count();
            if missing == self.labels.len() {
                self.out.levels.iter_mut().for_each(|level| level.squared.push(f64::NAN));
                continue;
            }
            let point = self.tile.row(row, self.scratch);
            let mut finite = true;
            // on a level without a label, any centroid will do
            let cluster = |label: u32| if label == UNLABELLED { 0 } else { label as usize };
            let own = |level: usize| (&self.levels[level], cluster(self.labels[level][row]));
            let out = &mut self.out.levels;
            point.squared_to_all(simd, self.levels.len(), own, |level, squared| {
                finite &= squared.is_finite();
                out[level].squared.push(squared);
            });
            if missing > 0 {
                let levels = self.out.levels.iter_mut().zip(self.labels);
                levels
                    .filter(|(_, labels)| labels[row] == UNLABELLED)
                    .for_each(|(level, _)| level.squared[row] = f64::NAN);
            }
            if !finite && !point.is_finite() {
                self.out.levels.iter_mut().for_each(|level| level.squared[row] = f64::NAN);
                self.out.nonfinite.extend(u32::try_from(row));
            }
        }
    }
}
