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

use pulp::{Simd, WithSimd};

use super::centred::CentredRows;
use super::panels::{Panels, Rows, Term, VECTORS, block_rows, lanes_of, multiply, width, with_register_rows};
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
    /// Scores of all centroids for `rows`, `M` rows and one panel at a time; `each` gets the index of the first row, the
    /// position of the panel's first centroid and the scores, which are infinite beyond the last centroid. Gives the largest
    /// norm of a centred centroid.
    #[inline(always)]
    fn score<S: Simd, const M: usize>(
        &self,
        simd: S,
        rows: Rows<'_>,
        panels: &mut Panels,
        mut each: impl FnMut(usize, usize, &[[S::f32s; VECTORS]; M]),
    ) -> f64 {
        let mut largest = 0.0f64;
        let mut halves = Vec::new();
        let block = block_rows(rows.dim, width::<S>());
        for (block, clusters) in self.clusters.chunks(block).enumerate().map(|(b, clusters)| (b * block, clusters)) {
            panels.pack::<S>(rows.dim, clusters.len(), |i, out| {
                let row = Row::of(self.centroids, clusters[i] as usize);
                row.centred(self.centre, |j, v| out[j] = narrow(v));
            });
            largest = panels.norms[..clusters.len()].iter().fold(largest, |largest, &norm| largest.max(norm));
            halves.clear();
            halves.extend(panels.norms.iter().map(|norm| narrow(norm / 2.0)));
            let (halves, _) = S::as_simd_f32s(&halves);
            multiply::<S, M>(
                simd,
                Term::Product,
                CHAIN,
                rows,
                panels,
                |_| 0,
                #[inline(always)]
                |row: usize, panel: usize, products: &[[S::f32s; VECTORS]; M]| {
                    let halves = &halves[panel * VECTORS..][..VECTORS];
                    let mut scores = *products;
                    for scores in &mut scores {
                        for v in 0..VECTORS {
                            scores[v] = simd.sub_f32s(halves[v], scores[v]);
                        }
                    }
                    each(row, block + panel * width::<S>(), &scores);
                },
            );
        }
        largest.sqrt()
    }
}

/// Lanes of both vectors for which `holds`.
#[inline(always)]
fn lanes_where<S: Simd>(scores: &[S::f32s; VECTORS], holds: impl Fn(S::f32s) -> S::m32s) -> u64 {
    let mut lanes = 0;
    for (v, &scores) in scores.iter().enumerate() {
        lanes |= lanes_of::<S>(holds(scores)) << (v * S::F32_LANES);
    }
    lanes
}

impl WithSimd for NearestTwoSearch<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        if self.searched.clusters.len() <= KEPT {
            for index in 0..self.points.len() {
                self.measure_all(simd, index);
            }
            return;
        }
        with_register_rows!(S, M => self.search::<S, M>(simd));
    }
}

impl NearestTwoSearch<'_, '_> {
    #[inline(always)]
    fn search<S: Simd, const M: usize>(&mut self, simd: S) {
        let largest = self.nominate::<S, M>(simd);
        let (mut unsure, mut limits) = (Vec::new(), Vec::new());
        for (index, number) in (0..self.points.len()).zip(0u32..) {
            let reach = Reach::new(self.points.dim(), self.points.squared_norms[index], largest);
            let row = self.points.rows[index] as usize;
            self.out[row] = NearestTwo::NONE;
            match self.elect(simd, index, reach) {
                Ok(two) => self.out[row] = two,
                Err(limit) if limit.is_finite() => {
                    unsure.push(number);
                    // the next number up, as narrowing may have rounded down
                    limits.push(narrow(limit).next_up());
                }
                Err(_) => self.measure_all(simd, index),
            }
        }
        if !unsure.is_empty() {
            self.measure_within::<S, M>(simd, &unsure, &limits);
        }
    }

    /// The first pass: fills in every row's nominees; gives the largest norm of a centred centroid.
    #[inline(always)]
    fn nominate<S: Simd, const M: usize>(&mut self, simd: S) -> f64 {
        let SearchBuffers { panels, nominees } = &mut *self.buffers;
        nominees.clear();
        nominees.resize(self.points.len(), Nominees::NONE);
        self.searched.score::<S, M>(
            simd,
            self.points.all(),
            panels,
            #[inline(always)]
            |row: usize, first: usize, scores: &[[S::f32s; VECTORS]; M]| {
                for (nominees, scores) in nominees[row..].iter_mut().zip(scores) {
                    let limit = simd.splat_f32s(nominees.scores[KEPT - 1]);
                    let near = lanes_where::<S>(scores, |scores| simd.less_than_f32s(scores, limit));
                    if near != 0 {
                        nominees.offer(bytemuck::cast_slice(scores), near, first);
                    }
                }
            },
        )
    }

    /// Measures a row's nominees. Where a fifth centroid may be among the nearest two, the error is how high it may score.
    #[inline(always)]
    fn elect<S: Simd>(&mut self, simd: S, index: usize, reach: Reach) -> std::result::Result<NearestTwo, f64> {
        let point = self.tile.row(self.points.rows[index] as usize, self.scratch);
        let Nominees { scores, positions } = &self.buffers.nominees[index];
        let mut two = NearestTwo::NONE;
        let mut limit = f64::INFINITY;
        for slot in 0..KEPT {
            if slot >= 2 && f64::from(scores[slot]) > limit {
                return Ok(two);
            }
            if let Some(&cluster) = self.searched.clusters.get(positions[slot]) {
                admit(&mut two, cluster, point.squared(simd, [(self.searched.centroids, cluster as usize)])[0]);
            }
            limit = reach.of(two.squared[1]);
        }
        if f64::from(scores[KEPT - 1]) > limit { Ok(two) } else { Err(limit) }
    }

    /// The second pass: measures every centroid that scores at most a row's limit.
    #[inline(always)]
    fn measure_within<S: Simd, const M: usize>(&mut self, simd: S, unsure: &[u32], limits: &[f32]) {
        let Searched { centroids, clusters, .. } = self.searched;
        let rows = Rows { picked: unsure, ..self.points.all() };
        self.searched.score::<S, M>(
            simd,
            rows,
            &mut self.buffers.panels,
            #[inline(always)]
            |group: usize, first: usize, scores: &[[S::f32s; VECTORS]; M]| {
                for ((scores, &limit), &index) in scores.iter().zip(&limits[group..]).zip(&unsure[group..]) {
                    let limit = simd.splat_f32s(limit);
                    let mut near = lanes_where::<S>(scores, |scores| simd.less_than_or_equal_f32s(scores, limit));
                    if near == 0 {
                        continue;
                    }
                    let row = self.points.rows[index as usize] as usize;
                    let point = self.tile.row(row, self.scratch);
                    while near != 0 {
                        let cluster = clusters[first + near.trailing_zeros() as usize];
                        near &= near - 1;
                        let squared = point.squared(simd, [(centroids, cluster as usize)])[0];
                        admit(&mut self.out[row], cluster, squared);
                    }
                }
            },
        );
    }

    /// Measures every searched centroid.
    #[inline(always)]
    fn measure_all<S: Simd>(&mut self, simd: S, index: usize) {
        let row = self.points.rows[index] as usize;
        let point = self.tile.row(row, self.scratch);
        let two = &mut self.out[row];
        *two = NearestTwo::NONE;
        let Searched { centroids, clusters, .. } = self.searched;
        let centroid = |i: usize| (centroids, clusters[i] as usize);
        point.squared_to_all(simd, clusters.len(), centroid, |i, squared| admit(two, clusters[i], squared));
    }
}
