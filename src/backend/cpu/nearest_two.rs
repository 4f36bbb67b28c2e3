//! The nearest two centroids of every row, exactly, at the speed of a matrix product.
//!
//! With x and c less a common centre, `||x - c||^2 = ||x||^2 + 2 h(c)`, `h(c) = ||c||^2 / 2 - x c`. The products come from
//! [`multiply`]; from its registers each row keeps the four centroids of the lowest scores h, and no n x k matrix exists.
//!
//! A score in float32 ranks nearly equal centroids wrongly, so scores only nominate. The nominees are measured by direct
//! difference, in the arithmetic of `own_distances`, and [`Reach`] bounds how high a centroid that is as near as the second
//! best so measured may score. Where all four nominees lie within reach a fifth may as well: those rows pass by all
//! centroids once more, and every centroid within reach is measured. So the answer is exact whatever the data; what the data
//! decides is how many rows take the second pass (none of a hundred thousand on embeddings), and how many centroids it measures.

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

/// The best of a row so far, best first.
#[derive(Clone, Copy)]
struct Nominees {
    scores: [f32; KEPT],
    /// Positions among the searched centroids; `usize::MAX` where there is none.
    positions: [usize; KEPT],
}

impl Nominees {
    const NONE: Nominees = Nominees { scores: [f32::INFINITY; KEPT], positions: [usize::MAX; KEPT] };

    /// Takes those scores of the lanes `near` that are among the best. `first` is the position of lane 0.
    #[inline(always)]
    fn offer(&mut self, scores: &[f32], mut near: u64, first: usize) {
        while near != 0 {
            let lane = near.trailing_zeros() as usize;
            near &= near - 1;
            let score = scores[lane];
            if score >= self.scores[KEPT - 1] {
                continue;
            }
            let mut slot = KEPT - 1;
            while slot > 0 && score < self.scores[slot - 1] {
                self.scores[slot] = self.scores[slot - 1];
                self.positions[slot] = self.positions[slot - 1];
                slot -= 1;
            }
            (self.scores[slot], self.positions[slot]) = (score, first + lane);
        }
    }
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

impl Searched<'_, '_> {
    /// Scores all centroids for `rows`. Where some of a panel score below a row's limit, `lower` gets the index of the row, the
    /// position of the panel's first centroid, the scores and the lanes of those that do, and gives the row's new limit.
    /// Gives the largest norm of a centred centroid.
    fn score(
        &self,
        rows: Rows<'_>,
        limits: &mut [f32],
        panels: &mut Panels,
        lower: &mut dyn FnMut(usize, usize, &[f32], u64) -> f32,
    ) -> f64 {
        let mut largest = 0.0f64;
        let mut halves = Vec::new();
        let block = block_rows(rows.dim);
        for (number, clusters) in self.clusters.chunks(block).enumerate() {
            panels.pack(rows.dim, clusters.len(), |i, out| {
                let row = Row::of(self.centroids, clusters[i] as usize);
                row.centred(self.centre, |j, v| out[j] = narrow(v));
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
    /// See [`Searched::score`]. Called rarely, and so that the kernel exists once and not once for each caller.
    lower: &'a mut dyn FnMut(usize, usize, &[f32], u64) -> f32,
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
                    let mut scores = *products;
                    let mut lanes = 0;
                    for v in 0..VECTORS {
                        scores[v] = simd.sub_f32s(halves[v], scores[v]);
                        let low = simd.less_than_f32s(scores[v], simd.splat_f32s(*limit));
                        lanes |= lanes_of::<S>(low) << (v * S::F32_LANES);
                    }
                    if lanes != 0 {
                        *limit = lower(first + m, panel * panels.width, bytemuck::cast_slice(&scores), lanes);
                    }
                }
            },
        );
    }
}

impl NearestTwoSearch<'_, '_> {
    pub(super) fn run(mut self) {
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
            nominees[row].scores[KEPT - 1]
        })
    }

    /// Measures a row's nominees. Where a fifth centroid may be among the nearest two, the error is how high it may score.
    fn elect(&mut self, index: usize, reach: Reach) -> std::result::Result<NearestTwo, f64> {
        let point = self.tile.row(self.points.rows[index] as usize, self.scratch);
        let SearchBuffers { nominees, clusters, squared, .. } = &mut *self.buffers;
        let Nominees { scores, positions } = &nominees[index];
        clusters.clear();
        clusters.extend(positions.iter().filter_map(|&position| self.searched.clusters.get(position)));
        squared_to(point, self.searched.centroids, clusters, squared);
        let mut two = NearestTwo::NONE;
        clusters.iter().zip(&*squared).for_each(|(&cluster, &squared)| admit(&mut two, cluster, squared));
        let limit = reach.of(two.squared[1]);
        if f64::from(scores[KEPT - 1]) > limit { Ok(two) } else { Err(limit) }
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
