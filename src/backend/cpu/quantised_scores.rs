//! Scores of all searched centroids for the rows of a tile, in 16 bits: the first pass of a search.

use super::centred::CentredRows;
use super::nominees::Nominees;
use super::panels::{Panels, Rows, VECTORS, block_rows, each_tile, squared_norm, with_register_rows};
use super::quantised::{self, Pairs, QuantisedRows, WithPairs};
use super::scores::{Searched, lanes_below};
use crate::base::numeric::to_f32;

/// Most bytes of quantised centroids that a lane keeps from tile to tile; more are packed again for each tile.
const KEPT_BYTES: usize = 8 << 20;

/// Searched centroids in 16 bits.
#[derive(Default)]
pub(super) struct QuantisedCentroids {
    blocks: Vec<QuantisedBlock>,
    /// A centred centroid, before it is rounded.
    centred: Vec<f32>,
}

/// Centroids that stay in the second-level cache together.
#[derive(Default)]
struct QuantisedBlock {
    panels: Panels<u32>,
    /// Per centroid: unit, slack, and half the squared norm, which is infinite past the last one.
    units: Vec<f32>,
    slacks: Vec<f32>,
    halves: Vec<f32>,
    /// Largest squared norm.
    largest: f64,
}

impl QuantisedCentroids {
    /// Fills in the nominees of a tile's rows, which have none yet. Returns the largest norm of a centred centroid.
    pub(super) fn nominate(
        &mut self,
        searched: Searched<'_, '_>,
        points: &CentredRows,
        quantised: &QuantisedRows,
        nominees: &mut [Nominees],
    ) -> f64 {
        let rows = quantised.all(points);
        let block_size = block_rows(rows.dim);
        let keep = searched.clusters.len() * rows.dim * size_of::<u32>() <= KEPT_BYTES;
        let mut largest = 0.0f64;
        for (number, clusters) in searched.clusters.chunks(block_size).enumerate() {
            let slot = if keep { number } else { 0 };
            let packed = keep && slot < self.blocks.len();
            self.blocks.resize_with(self.blocks.len().max(slot + 1), QuantisedBlock::default);
            let block = &mut self.blocks[slot];
            if !packed {
                block.pack(searched, clusters, &mut self.centred);
            }
            largest = largest.max(block.largest);
            let first = number * block_size;
            quantised::dispatch(Nomination { rows, units: &quantised.units, block, first, nominees });
        }
        largest.sqrt()
    }
}

impl QuantisedBlock {
    fn pack(&mut self, searched: Searched<'_, '_>, clusters: &[u32], centred: &mut Vec<f32>) {
        let dim = searched.centre.len();
        centred.resize(dim, 0.0);
        let QuantisedBlock { panels, units, slacks, halves, largest } = self;
        units.clear();
        slacks.clear();
        panels.pack_with_norms(
            quantised::words(dim),
            clusters.len(),
            #[inline(always)]
            |i, words| {
                searched.centred(clusters[i], centred);
                let squared = squared_norm(centred);
                units.push(quantised::quantise(centred, squared, words));
                slacks.push(quantised::slack(dim, squared));
                squared
            },
        );
        units.resize(panels.norms.len(), 0.0);
        slacks.resize(panels.norms.len(), 0.0);
        halves.clear();
        halves.extend(panels.norms.iter().map(|norm| to_f32(norm / 2.0)));
        *largest = panels.norms[..clusters.len()].iter().fold(0.0, |largest, &norm| norm.max(largest));
    }
}

/// Offers a block of centroids to the rows of a tile.
struct Nomination<'a> {
    rows: Rows<'a, u32>,
    /// Unit of each row.
    units: &'a [f32],
    block: &'a QuantisedBlock,
    /// Position of the block's first centroid.
    first: usize,
    /// Nominees of each row.
    nominees: &'a mut [Nominees],
}

impl WithPairs for Nomination<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Pairs>(self, simd: S) {
        with_register_rows!(S, M => self.run_rows::<S, M>(simd));
    }
}

impl Nomination<'_> {
    #[inline(always)]
    fn run_rows<S: Pairs, const M: usize>(self, simd: S) {
        let Nomination { rows, units: row_units, block, first: first_position, nominees } = self;
        let QuantisedBlock { panels, units, slacks, halves, .. } = block;
        let [(halves, _), (units, _), (slacks, _)] = [halves, units, slacks].map(|each| S::as_simd_f32s(each));
        each_tile::<_, _, M>(
            rows,
            panels,
            |_| 0,
            #[inline(always)]
            |group, panel| quantised::tile::<S, M>(simd, group, panel),
            #[inline(always)]
            |first, panel, sums| {
                let vectors = panel * VECTORS..(panel + 1) * VECTORS;
                let [halves, units, slacks] = [halves, units, slacks].map(|each| &each[vectors.clone()]);
                let mut scores = [[halves[0]; VECTORS]; M];
                let mut low = [0; M];
                // Bits of the rows with low scores. Collected for all rows before any is processed: a branch per row would be
                // mispredicted too often.
                let mut hit = 0u32;
                for m in 0..M {
                    // Rows past the last one repeat it and accept nothing.
                    let (unit, limit) = match nominees.get(first + m) {
                        Some(nominees) => (row_units[first + m], nominees.limit()),
                        None => (0.0, f32::NEG_INFINITY),
                    };
                    let unit = simd.splat_f32s(unit);
                    for v in 0..VECTORS {
                        let product = simd.mul_add_e_f32s(simd.to_floats(sums[m][v]), units[v], slacks[v]);
                        scores[m][v] = simd.negate_mul_add_e_f32s(product, unit, halves[v]);
                    }
                    low[m] = lanes_below::<S>(simd, scores[m], limit);
                    hit |= u32::from(low[m] != 0) << m;
                }
                while hit != 0 {
                    let m = hit.trailing_zeros() as usize;
                    hit &= hit - 1;
                    let position = first_position + panel * panels.width;
                    nominees[first + m].offer(bytemuck::cast_slice(&scores[m]), low[m], position);
                }
            },
        );
    }
}

#[cfg(test)]
impl QuantisedCentroids {
    /// Drops the slacks of the packed centroids, which makes results wrong.
    pub(super) fn forget_slacks(&mut self) {
        self.blocks.iter_mut().for_each(|block| block.slacks.fill(0.0));
    }
}
