//! Sums of a tile's rows by label.

use pulp::{Simd, WithSimd};

use super::centred::labelled;
use super::tile::{Scratch, Tile};
use crate::backend::GroupSums;
use crate::base::double_double::add_rows;
use crate::base::numeric::to_u32;

/// Sorts the tile's rows by label and adds up each run in float64, as differences from the run's first row. Sums are written
/// one after another, so every sum is in cache while rows are added to it.
pub(super) struct ClusterSums<'a> {
    pub(super) tile: Tile<'a>,
    pub(super) scratch: &'a mut Scratch,
    pub(super) labels: &'a [u32],
    pub(super) out: &'a mut GroupSums,
}

impl WithSimd for ClusterSums<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let (out, dim) = (self.out, self.tile.dim);
        out.clear();
        let mut sorted: Vec<(u32, u32)> = labelled(self.labels).map(|row| (self.labels[row as usize], row)).collect();
        sorted.sort_unstable();
        let (mut first, mut differences) = (vec![0.0; dim], vec![0.0; dim]);
        for run in sorted.chunk_by(|a, b| a.0 == b.0) {
            let &[(label, row), ref others @ ..] = run else { continue };
            let place = out.sums.len();
            out.clusters.push(label);
            out.rests.resize(place + dim, 0.0);
            self.tile.row(row as usize, self.scratch).widen(&mut first);
            out.sums.extend_from_slice(&first);
            if others.is_empty() {
                continue;
            }
            differences.fill(0.0);
            for &(_, row) in others {
                let point = self.tile.row(row as usize, self.scratch);
                point.less(&first, &mut differences, |sum, x| *sum += x);
            }
            // a tile has fewer than 2^32 rows; the first is in the sum already
            let count = to_u32(others.len());
            add_rows((&mut out.sums[place..], &mut out.rests[place..]), count, &first, &differences);
        }
    }
}
