//! Scores of all searched centroids for the rows of a tile, in float32 or in 16 bits, handed over where they are low.

use pulp::{Arch, Simd, WithSimd};

use super::centred::CentredRows;
use super::panels::{
    Panels, Rows, VECTORS, block_rows, each_tile, lanes_of, multiply, squared_norm, with_register_rows,
};
use super::quantised::{self, Pairs, QuantisedRows, WithPairs, quantise, words};
use super::reach::CHAIN;
use super::tile::{Row, narrow};
use crate::matrix::MatrixView;

/// The centroids that are searched.
#[derive(Clone, Copy)]
pub(super) struct Searched<'a, 'm> {
    pub(super) centroids: &'a MatrixView<'m>,
    /// Rows of `centroids`, ascending.
    pub(super) clusters: &'a [u32],
    pub(super) centre: &'a [f64],
}

/// Is told of scores of a panel below a row's limit: the index of the row, the position of the panel's first centroid, the
/// panel's scores, and the lanes of those that are below. Gives the row's new limit. It is called rarely, so a pointer to it
/// costs little, and the kernel is compiled once and not for each caller.
pub(super) type Lower<'a> = dyn FnMut(usize, usize, &[f32], u64) -> f32 + 'a;

/// Searched centroids in 16 bits, packed by the first tile and kept for all that follow where they are not too many.
#[derive(Default)]
pub(super) struct QuantisedCentroids {
    blocks: Vec<QuantisedBlock>,
    /// A centred centroid, before it is rounded.
    centred: Vec<f32>,
}

/// Bytes of quantised centroids that a lane keeps; more are packed anew for each tile.
const KEPT_BYTES: usize = 8 << 20;

#[derive(Default)]
struct QuantisedBlock {
    panels: Panels<u32>,
    /// Unit of each centroid.
    units: Vec<f32>,
    /// Half the squared norm of each; infinite beyond the last one.
    halves: Vec<f32>,
    /// Largest squared norm.
    largest: f64,
}

impl Searched<'_, '_> {
    /// A centroid less the centre, in float32.
    #[inline(always)]
    fn centred(&self, cluster: u32, out: &mut [f32]) {
        Row::of(self.centroids, cluster as usize).less(self.centre, out, |out, x| *out = narrow(x));
    }

    /// Scores all centroids in float32 and hands over those below a row's limit. Gives the largest norm of a centred centroid.
    pub(super) fn score(&self, rows: Rows<'_>, limits: &mut [f32], panels: &mut Panels, lower: &mut Lower<'_>) -> f64 {
        let mut largest = 0.0f64;
        let mut halves = Vec::new();
        let block = block_rows(rows.dim);
        for (number, clusters) in self.clusters.chunks(block).enumerate() {
            panels.pack(rows.dim, clusters.len(), |i, out| self.centred(clusters[i], out));
            largest = panels.norms[..clusters.len()].iter().fold(largest, |largest, &norm| largest.max(norm));
            halves.clear();
            halves.extend(panels.norms.iter().map(|norm| narrow(norm / 2.0)));
            let lower = &mut |row: usize, first: usize, scores: &[f32], lanes: u64| {
                lower(row, number * block + first, scores, lanes)
            };
            Arch::new().dispatch(FloatScores { rows, panels, low: Low { halves: &halves, limits, lower } });
        }
        largest.sqrt()
    }

    /// The same in 16 bits, for all of a tile's rows.
    pub(super) fn score_quantised(
        &self,
        points: &CentredRows,
        quantised: &QuantisedRows,
        limits: &mut [f32],
        packed: &mut QuantisedCentroids,
        lower: &mut Lower<'_>,
    ) -> f64 {
        let rows = quantised.all(points);
        let block = block_rows(rows.dim);
        let keep = self.clusters.len() * rows.dim * size_of::<u32>() <= KEPT_BYTES;
        let mut largest = 0.0f64;
        for (number, clusters) in self.clusters.chunks(block).enumerate() {
            let packed = packed.block(if keep { number } else { 0 }, keep, |block, centred| {
                self.quantise(clusters, points.dim(), block, centred);
            });
            largest = largest.max(packed.largest);
            let lower = &mut |row: usize, first: usize, scores: &[f32], lanes: u64| {
                lower(row, number * block + first, scores, lanes)
            };
            let low = Low { halves: &packed.halves, limits, lower };
            let scores = QuantisedScores { rows, row_units: &quantised.units, packed, low };
            if quantised::dispatch(scores).is_err() {
                unreachable!("asked before whether there is such an instruction set");
            }
        }
        largest.sqrt()
    }

    /// Packs some centroids in 16 bits.
    fn quantise(&self, clusters: &[u32], dim: usize, block: &mut QuantisedBlock, centred: &mut Vec<f32>) {
        centred.resize(dim, 0.0);
        let QuantisedBlock { panels, units, halves, largest } = block;
        units.clear();
        panels.pack_with_norms(
            words(dim),
            clusters.len(),
            #[inline(always)]
            |i, words| {
                self.centred(clusters[i], centred);
                let squared = squared_norm(centred);
                units.push(quantise(centred, squared, words));
                squared
            },
        );
        units.resize(panels.norms.len(), 0.0);
        halves.clear();
        halves.extend(panels.norms.iter().map(|norm| narrow(norm / 2.0)));
        *largest = panels.norms[..clusters.len()].iter().fold(0.0, |largest, &norm| norm.max(largest));
    }
}

impl QuantisedCentroids {
    /// A block of centroids, packed if it has not been, or if none is kept.
    fn block(
        &mut self,
        slot: usize,
        keep: bool,
        pack: impl FnOnce(&mut QuantisedBlock, &mut Vec<f32>),
    ) -> &QuantisedBlock {
        let ready = slot < self.blocks.len();
        if !ready {
            self.blocks.push(QuantisedBlock::default());
        }
        if !(ready && keep) {
            pack(&mut self.blocks[slot], &mut self.centred);
        }
        &self.blocks[slot]
    }
}

/// What becomes of scores.
struct Low<'a> {
    /// Half the squared norms of the centroids.
    halves: &'a [f32],
    /// Per row, what a score must be below to be handed over.
    limits: &'a mut [f32],
    lower: &'a mut Lower<'a>,
}

impl Low<'_> {
    /// Hands the scores of one row for one panel over where some are low.
    #[inline(always)]
    fn take<S: Simd>(&mut self, simd: S, row: usize, first: usize, scores: [S::f32s; VECTORS]) {
        let limit = simd.splat_f32s(self.limits[row]);
        let low = lanes_of::<S>(simd.less_than_f32s(scores[0], limit))
            | lanes_of::<S>(simd.less_than_f32s(scores[1], limit)) << S::F32_LANES;
        if low != 0 {
            // only here are the scores written to memory
            self.limits[row] = (self.lower)(row, first, bytemuck::cast_slice(&scores), low);
        }
    }
}

/// Scores of one block of centroids in float32.
struct FloatScores<'a> {
    rows: Rows<'a>,
    panels: &'a Panels,
    low: Low<'a>,
}

impl WithSimd for FloatScores<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        with_register_rows!(S, M => self.run::<S, M>(simd));
    }
}

impl FloatScores<'_> {
    #[inline(always)]
    fn run<S: Simd, const M: usize>(self, simd: S) {
        let FloatScores { rows, panels, mut low } = self;
        let (halves, _) = S::as_simd_f32s(low.halves);
        multiply::<S, M, false>(
            simd,
            CHAIN,
            rows,
            panels,
            |_| 0,
            #[inline(always)]
            |first, panel, products| {
                let halves = &halves[panel * VECTORS..][..VECTORS];
                // rows past the last one repeat it
                for (row, products) in (first..low.limits.len()).zip(products) {
                    let scores = [simd.sub_f32s(halves[0], products[0]), simd.sub_f32s(halves[1], products[1])];
                    low.take(simd, row, panel * panels.width, scores);
                }
            },
        );
    }
}

/// Scores of one block of centroids in 16 bits.
struct QuantisedScores<'a> {
    rows: Rows<'a, u32>,
    row_units: &'a [f32],
    packed: &'a QuantisedBlock,
    low: Low<'a>,
}

impl WithPairs for QuantisedScores<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Pairs>(self, simd: S) {
        with_register_rows!(S, M => self.run_rows::<S, M>(simd));
    }
}

impl QuantisedScores<'_> {
    #[inline(always)]
    fn run_rows<S: Pairs, const M: usize>(self, simd: S) {
        let QuantisedScores { rows, row_units, packed: QuantisedBlock { panels, units, .. }, mut low } = self;
        let ((halves, _), (units, _)) = (S::as_simd_f32s(low.halves), S::as_simd_f32s(units));
        each_tile::<_, _, M>(
            rows,
            panels,
            |_| 0,
            #[inline(always)]
            |group, panel| quantised::tile::<S, M>(simd, group, panel),
            #[inline(always)]
            |first, panel, sums| {
                let halves = &halves[panel * VECTORS..][..VECTORS];
                let units = &units[panel * VECTORS..][..VECTORS];
                for (row, sums) in (first..low.limits.len()).zip(sums) {
                    let unit = simd.splat_f32s(row_units[row]);
                    let mut scores = [unit; VECTORS];
                    for v in 0..VECTORS {
                        let product = simd.mul_f32s(simd.to_floats(sums[v]), units[v]);
                        scores[v] = simd.negate_mul_add_e_f32s(product, unit, halves[v]);
                    }
                    low.take(simd, row, panel * panels.width, scores);
                }
            },
        );
    }
}
