//! The nearest two centroids of every row, exactly, at the speed of a matrix product.
//!
//! With x and c less a common centre, `||x - c||^2 = ||x||^2 + 2 h(c)`, `h(c) = ||c||^2 / 2 - x c`. The products come from
//! [`multiply`]; from its registers each row keeps the four centroids of the lowest scores h, and no n x k matrix exists.
//!
//! A score in float32 ranks nearly equal centroids wrongly, so scores only nominate. The nominees are measured by direct
//! difference, in the arithmetic of `own_distances`, and [`Reach`] bounds how high a centroid that is as near as the second
//! best so measured may score. Where all four nominees lie within reach a fifth may as well: those rows pass by all
//! centroids once more, and every centroid within reach is measured. So the answer is exact whatever the data; what the data
//! decides is how many rows take the second pass (on normal data, 32 to 768 columns and 1,000 or 10,000 centroids, none of
//! 98,304), and how many centroids it measures.

use pulp::{Arch, Simd, WithSimd};

use super::centred::CentredRows;
use super::measure::squared_to;
use super::panels::{Panels, Rows, VECTORS, block_rows, lanes_of, multiply, with_register_rows};
use super::reach::{CHAIN, Reach};
use super::tile::{Row, Scratch, Tile, narrow};
use crate::backend::NearestTwo;
use crate::matrix::MatrixView;

/// Centroids that each row keeps from the first pass.
const KEPT: usize = 4;

/// Buffers of a search, reused from tile to tile.
#[derive(Default)]
pub(super) struct SearchBuffers {
    panels: Panels,
    nominees: Vec<Nominees>,
    /// Per row, the score of its last nominee.
    limits: Vec<f32>,
    /// Centroids to be measured, and what comes of it.
    clusters: Vec<u32>,
    squared: Vec<f64>,
}

/// The centroids that are searched.
#[derive(Clone, Copy)]
pub(super) struct Searched<'a, 'm> {
    pub(super) centroids: &'a MatrixView<'m>,
    /// Rows of `centroids`, ascending.
    pub(super) clusters: &'a [u32],
    pub(super) centre: &'a [f64],
}

/// The search of one tile on one level.
pub(super) struct NearestTwoSearch<'a, 'm> {
    pub(super) tile: Tile<'a>,
    pub(super) scratch: &'a mut Scratch,
    /// The tile's labelled rows.
    pub(super) points: &'a CentredRows,
    pub(super) buffers: &'a mut SearchBuffers,
    pub(super) searched: Searched<'a, 'm>,
    /// An entry per row of the tile.
    pub(super) out: &'a mut [NearestTwo],
}

/// The best of a row so far, best first: the score and the position among the searched centroids in one integer that sorts
/// as the score does, so that minima and maxima keep them in order instead of branches that no processor could foretell.
#[derive(Clone, Copy)]
struct Nominees([u64; KEPT]);

impl Nominees {
    /// Of infinite score, where no centroid is.
    const NONE: Nominees = Nominees([(f32::INFINITY.to_bits() as u64 | 1 << 31) << 32 | u32::MAX as u64; KEPT]);

    /// Takes those scores of the lanes `low` that are among the best. `first` is the position of lane 0.
    fn offer(&mut self, scores: &[f32], mut low: u64, first: usize) {
        while low != 0 {
            let lane = low.trailing_zeros() as usize;
            low &= low - 1;
            let bits = scores[lane].to_bits();
            // float32 sorts as integers do once negative numbers are turned round and moved below the others
            let sortable = if bits >> 31 == 0 { bits | 1 << 31 } else { !bits };
            let mut offered = u64::from(sortable) << 32 | (first + lane) as u64;
            for kept in &mut self.0 {
                (*kept, offered) = (offered.min(*kept), offered.max(*kept));
            }
        }
    }

    /// Score of the one at `slot`.
    fn score(&self, slot: usize) -> f32 {
        let sortable = low_half(self.0[slot] >> 32);
        f32::from_bits(if sortable >> 31 == 0 { !sortable } else { sortable ^ 1 << 31 })
    }

    /// The position of each; `u32::MAX` where there is none.
    fn positions(&self) -> [u32; KEPT] {
        self.0.map(low_half)
    }
}

/// The lower 32 bits.
#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is asked for")]
fn low_half(key: u64) -> u32 {
    key as u32
}

/// Takes a centroid if it is among the nearest two; equally near ones rank by their index.
#[inline(always)]
fn admit(two: &mut NearestTwo, cluster: u32, squared: f64) {
    let before = |slot: usize| (squared, cluster) < (two.squared[slot], two.clusters[slot]);
    if before(0) {
        *two = NearestTwo { clusters: [cluster, two.clusters[0]], squared: [squared, two.squared[0]] };
    } else if before(1) {
        (two.clusters[1], two.squared[1]) = (cluster, squared);
    }
}

/// Is told of scores of a panel below a row's limit: the index of the row, the position of the panel's first centroid, the
/// panel's scores, and the lanes of those that are below. Gives the row's new limit. It is called rarely, so a pointer to it
/// costs little, and the kernel is compiled once and not for each caller.
type Lower<'a> = dyn FnMut(usize, usize, &[f32], u64) -> f32 + 'a;

impl Searched<'_, '_> {
    /// Scores all centroids for `rows` and hands over those below a row's limit. Gives the largest norm of a centred centroid.
    fn score(&self, rows: Rows<'_>, limits: &mut [f32], panels: &mut Panels, lower: &mut Lower<'_>) -> f64 {
        let mut largest = 0.0f64;
        let mut halves = Vec::new();
        let block = block_rows(rows.dim);
        for (number, clusters) in self.clusters.chunks(block).enumerate() {
            panels.pack(rows.dim, clusters.len(), |i, out| {
                let row = Row::of(self.centroids, clusters[i] as usize);
                row.less(self.centre, out, |out, x| *out = narrow(x));
            });
            largest = panels.norms[..clusters.len()].iter().fold(largest, |largest, &norm| largest.max(norm));
            halves.clear();
            halves.extend(panels.norms.iter().map(|norm| narrow(norm / 2.0)));
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
    /// Per row, what a score must be below to be handed over.
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
                    let [a, b] = [simd.sub_f32s(halves[0], products[0]), simd.sub_f32s(halves[1], products[1])];
                    let splat = simd.splat_f32s(*limit);
                    let low = lanes_of::<S>(simd.less_than_f32s(a, splat))
                        | lanes_of::<S>(simd.less_than_f32s(b, splat)) << S::F32_LANES;
                    if low != 0 {
                        // only here are the scores written to memory
                        *limit = lower(first + m, panel * panels.width, bytemuck::cast_slice(&[a, b]), low);
                    }
                }
            },
        );
    }
}

impl NearestTwoSearch<'_, '_> {
    pub(super) fn run(mut self) {
        if self.points.len() == 0 {
            // no row has a label: there may not even be a number of columns yet
            return;
        }
        if self.searched.clusters.len() <= KEPT {
            (0..self.points.len()).for_each(|index| self.measure_all(index));
            return;
        }
        let largest = self.nominate();
        let (mut unsure, mut limits) = (Vec::new(), Vec::new());
        for (index, number) in (0..self.points.len()).zip(0u32..) {
            let reach = Reach::new(self.points.dim(), self.points.squared_norms[index], largest);
            match self.elect(index, reach) {
                Ok(two) => self.out[self.points.rows[index] as usize] = two,
                Err(limit) if limit.is_finite() => {
                    unsure.push(number);
                    // the next number up: scores are handed over that are below it, and narrowing may have rounded down
                    limits.push(narrow(limit).next_up());
                }
                Err(_) => self.measure_all(index),
            }
        }
        self.measure_within(&unsure, &mut limits);
    }

    /// The first pass: fills in every row's nominees; gives the largest norm of a centred centroid.
    fn nominate(&mut self) -> f64 {
        let SearchBuffers { panels, nominees, limits, .. } = &mut *self.buffers;
        nominees.clear();
        nominees.resize(self.points.len(), Nominees::NONE);
        limits.clear();
        limits.resize(self.points.len(), f32::INFINITY);
        self.searched.score(self.points.all(), limits, panels, &mut |row, first, scores, lanes| {
            nominees[row].offer(scores, lanes, first);
            nominees[row].score(KEPT - 1)
        })
    }

    /// Measures a row's nominees. Where a fifth centroid may be among the nearest two, the error is how high it may score.
    fn elect(&mut self, index: usize, reach: Reach) -> std::result::Result<NearestTwo, f64> {
        let point = self.tile.row(self.points.rows[index] as usize, self.scratch);
        let SearchBuffers { nominees, clusters, squared, .. } = &mut *self.buffers;
        let nominees = &nominees[index];
        let mut two = NearestTwo::NONE;
        let mut limit = f64::INFINITY;
        // the first two nearly always decide, so the others are only measured where they are within reach
        for (measured, next) in [(0..2, 2), (2..KEPT, KEPT - 1)] {
            clusters.clear();
            let positions = &nominees.positions()[measured];
            clusters.extend(positions.iter().filter_map(|&position| self.searched.clusters.get(position as usize)));
            squared_to(point, self.searched.centroids, clusters, squared);
            clusters.iter().zip(&*squared).for_each(|(&cluster, &squared)| admit(&mut two, cluster, squared));
            limit = reach.of(two.squared[1]);
            if f64::from(nominees.score(next)) > limit {
                return Ok(two);
            }
        }
        Err(limit)
    }

    /// The second pass: measures every centroid that scores at most a row's limit.
    fn measure_within(&mut self, unsure: &[u32], limits: &mut [f32]) {
        if unsure.is_empty() {
            return;
        }
        let Searched { centroids, clusters, .. } = self.searched;
        let rows = Rows { picked: unsure, ..self.points.all() };
        let SearchBuffers { panels, clusters: near, squared, .. } = &mut *self.buffers;
        let fixed = limits.to_vec();
        self.searched.score(rows, limits, panels, &mut |index, first, _, mut lanes| {
            let row = self.points.rows[unsure[index] as usize] as usize;
            near.clear();
            while lanes != 0 {
                near.push(clusters[first + lanes.trailing_zeros() as usize]);
                lanes &= lanes - 1;
            }
            squared_to(self.tile.row(row, self.scratch), centroids, near, squared);
            near.iter().zip(&*squared).for_each(|(&cluster, &squared)| admit(&mut self.out[row], cluster, squared));
            fixed[index]
        });
    }

    /// Measures every searched centroid.
    fn measure_all(&mut self, index: usize) {
        let row = self.points.rows[index] as usize;
        let (clusters, squared) = (self.searched.clusters, &mut self.buffers.squared);
        squared_to(self.tile.row(row, self.scratch), self.searched.centroids, clusters, squared);
        clusters.iter().zip(squared).for_each(|(&cluster, squared)| admit(&mut self.out[row], cluster, *squared));
    }
}
