//! Sums of a tile's rows by label.

use pulp::{Simd, WithSimd};

use super::centred::labelled;
use super::tile::{Scratch, Tile};
use crate::backend::GroupSums;

/// Sorts the tile's rows by label and adds up each run in float64. Sums are written one after another, so every sum is in cache
/// while rows are added to it.
pub(super) struct ClusterSums<'a> {
    pub(super) tile: Tile<'a>,
    pub(super) scratch: &'a mut Scratch,
    pub(super) labels: &'a [u32],
    pub(super) centre: &'a [f64],
    pub(super) out: &'a mut GroupSums,
}

impl WithSimd for ClusterSums<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let out = self.out;
        out.clusters.clear();
        out.sums.clear();
        let mut sorted: Vec<(u32, u32)> = labelled(self.labels).map(|row| (self.labels[row as usize], row)).collect();
        sorted.sort_unstable();
        for (label, row) in sorted {
            if out.clusters.last() != Some(&label) {
                out.clusters.push(label);
                out.sums.resize(out.sums.len() + self.tile.dim, 0.0);
            }
            let first = out.sums.len() - self.tile.dim;
            let sum = &mut out.sums[first..];
            let point = self.tile.row(row as usize, self.scratch);
            point.less(self.centre, sum, |sum, x| *sum += x);
        }
    }
}
