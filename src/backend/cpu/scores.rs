//! Scores of all searched centroids for the rows of a tile, in float32; only low scores are passed on.

use pulp::{Arch, Simd, WithSimd};

use super::panels::{Panels, Rows, VECTORS, block_rows, lanes_of, multiply, with_register_rows};
use super::reach::CHAIN;
use super::tile::Row;
use crate::base::matrix::MatrixView;
use crate::base::numeric::to_f32;

/// The centroids that are searched.
#[derive(Clone, Copy)]
pub(super) struct Searched<'a, 'm> {
    pub(super) centroids: &'a MatrixView<'m>,
    /// Rows of `centroids`, ascending.
    pub(super) clusters: &'a [u32],
    pub(super) centre: &'a [f64],
}

/// Receives scores of a panel below a row's limit: the index of the row, the position of the panel's first centroid, the panel's
/// scores, and the lanes below the limit. Returns the row's new limit. Calls are rare, so dynamic dispatch costs little, and the
/// kernel is compiled once rather than for each caller.
pub(super) type Lower<'a> = dyn FnMut(usize, usize, &[f32], u64) -> f32 + 'a;

impl Searched<'_, '_> {
    /// Writes a centroid minus the centre to `out`, in float32.
    #[inline(always)]
    pub(super) fn centred(&self, cluster: u32, out: &mut [f32]) {
        Row::of(self.centroids, cluster as usize).less(self.centre, out, |out, x| *out = to_f32(x));
    }

    /// Scores all centroids in float32 and passes scores below a row's limit to `lower`. Returns the largest norm of a centred
    /// centroid.
    pub(super) fn score(&self, rows: Rows<'_>, limits: &mut [f32], panels: &mut Panels, lower: &mut Lower<'_>) -> f64 {
        let mut largest = 0.0f64;
        let mut halves = Vec::new();
        let block = block_rows(rows.dim);
        for (number, clusters) in self.clusters.chunks(block).enumerate() {
            panels.pack(rows.dim, clusters.len(), |i, out| self.centred(clusters[i], out));
            largest = panels.norms[..clusters.len()].iter().fold(largest, |largest, &norm| largest.max(norm));
            halves.clear();
            halves.extend(panels.norms.iter().map(|norm| to_f32(norm / 2.0)));
            let lower = &mut |row: usize, first: usize, scores: &[f32], lanes: u64| {
                lower(row, number * block + first, scores, lanes)
            };
            Arch::new().dispatch(LowScores { rows, panels, halves: &halves, limits, lower });
        }
        largest.sqrt()
    }
}

/// Scores of one block of centroids.
struct LowScores<'a> {
    rows: Rows<'a>,
    panels: &'a Panels,
    /// Half the squared norms of the centroids.
    halves: &'a [f32],
    /// Per row: scores below this are passed on.
    limits: &'a mut [f32],
    lower: &'a mut Lower<'a>,
}

impl WithSimd for LowScores<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        with_register_rows!(S, M => self.run::<S, M>(simd));
    }
}

impl LowScores<'_> {
    #[inline(always)]
    fn run<S: Simd, const M: usize>(self, simd: S) {
        let LowScores { rows, panels, halves, limits, lower } = self;
        let (halves, _) = S::as_simd_f32s(halves);
        multiply::<S, M, false>(
            simd,
            CHAIN,
            rows,
            panels,
            |_| 0,
            #[inline(always)]
            |first, panel, products| {
                let halves = &halves[panel * VECTORS..][..VECTORS];
                for (m, (products, limit)) in products.iter().zip(&mut limits[first..]).enumerate() {
                    let scores = [simd.sub_f32s(halves[0], products[0]), simd.sub_f32s(halves[1], products[1])];
                    let low = lanes_below::<S>(simd, scores, *limit);
                    if low != 0 {
                        // Only here are scores written to memory.
                        *limit = lower(first + m, panel * panels.width, bytemuck::cast_slice(&scores), low);
                    }
                }
            },
        );
    }
}

/// Bits of the lanes whose scores are below a limit.
#[inline(always)]
pub(super) fn lanes_below<S: Simd>(simd: S, scores: [S::f32s; VECTORS], limit: f32) -> u64 {
    let limit = simd.splat_f32s(limit);
    // No `array::map`, which the compiler doesn't inline here.
    lanes_of::<S>(simd.less_than_f32s(scores[0], limit))
        | lanes_of::<S>(simd.less_than_f32s(scores[1], limit)) << S::F32_LANES
}
