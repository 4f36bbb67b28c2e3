//! Top-2 search: the exact nearest two centroids of every row, in less time than a matrix product.
//!
//! With a common centre subtracted from x and c, `||x - c||^2 = ||x||^2 + 2 h(c)`, `h(c) = ||c||^2 / 2 - x c`. A first pass
//! computes the scores h of all centroids, and each row keeps the four centroids with the lowest ones. Scores are compared in
//! registers; an n x k matrix never exists.
//!
//! Rounded scores may rank nearly equal centroids wrongly, so they only nominate. The nominees are measured by direct
//! difference, in the arithmetic of `own_distances`. [`Reach`] bounds the score of every centroid that is as near as the
//! second-nearest nominee. If all four nominees are within reach, a fifth centroid may be, too. Such rows take a second pass:
//! it scores all centroids again in float32, and measures each one within the narrower reach of float32. So the answer is
//! exact for any data, however coarse the first pass is. The first pass multiplies 16-bit integers (`quantised.rs`) if the
//! processor has the instructions, otherwise float32.
//!
//! The data only decides how many rows take the second pass. With 16 bits and 1,000 centroids, 1 row in 1,000 (256 columns)
//! or 1 in 200 (768 columns) does so on normal data, and fewer than 1 in 3,000 on a mixture. If groups of centroids lie ten
//! times as far from the centre as from each other, every second row does. A lane whose tile has too many such rows continues
//! in float32.

use super::centred::CentredRows;
use super::measure::squared_to;
use super::nominees::{KEPT, Nominees};
use super::panels::{Panels, Rows};
use super::quantised::{self, QuantisedRows};
use super::quantised_scores::QuantisedCentroids;
use super::reach::{ProductError, Reach};
use super::scores::Searched;
use super::tile::{Scratch, Tile};
use crate::backend::{Top2, UNLABELLED};
use crate::base::numeric::to_f32;

/// With fewer centroids, rounding the rows to 16 bits doesn't pay.
const FEW_CENTROIDS: usize = 48;

/// Up to this many rows, a second pass costs more than measuring all centroids, since it packs them.
const FEW_ROWS: usize = 8;

/// Largest share of a tile's rows that 16 bits may leave undecided for the lane to keep using them. Beyond it, the second pass
/// costs what the first one saves.
const MOST_UNSURE: f64 = 1.0 / 3.0;

/// Relative difference from which on two measured squares tell the order of the distances: twice the error of either, and more.
const CLOSE: f64 = 1e-5;

/// Buffers of a search, reused from tile to tile.
#[derive(Default)]
pub(super) struct SearchBuffers {
    panels: Panels,
    quantised: QuantisedRows,
    nominees: Vec<Nominees>,
    /// Per row, the score of its last nominee.
    limits: Vec<f32>,
    /// Centroids to measure, and their squared distances.
    clusters: Vec<u32>,
    squared: Vec<f64>,
}

/// State of a level that a lane keeps from tile to tile.
#[derive(Default)]
pub(super) struct LevelSearch {
    centroids: QuantisedCentroids,
    /// Whether 16 bits leave too many rows undecided.
    too_coarse: bool,
}

impl SearchBuffers {
    /// Resets the nominees of `rows` rows.
    fn forget(&mut self, rows: usize) {
        self.nominees.clear();
        self.nominees.resize(rows, Nominees::NONE);
        self.limits.clear();
        self.limits.resize(rows, f32::INFINITY);
    }
}

/// The search of one tile on one level.
pub(super) struct NearestTwoSearch<'a, 'm> {
    pub(super) tile: Tile<'a>,
    pub(super) scratch: &'a mut Scratch,
    /// Of all rows of the tile.
    pub(super) labels: &'a [u32],
    /// The tile's labelled rows.
    pub(super) points: &'a CentredRows,
    pub(super) buffers: &'a mut SearchBuffers,
    pub(super) level: &'a mut LevelSearch,
    pub(super) searched: Searched<'a, 'm>,
    /// An entry per row of the tile.
    pub(super) out: &'a mut [Top2],
}

/// Keeps a centroid if it is among the nearest two. Measured distances that are too close to tell their order are compared
/// exactly, by `exact`. Of equally near centroids the row's own `label` is first, then the lower index.
#[inline(always)]
fn admit(two: &mut Top2, (cluster, squared): (u32, f64), label: u32, exact: impl Fn(u32) -> f64) {
    let before = |slot: usize| {
        let (other, other_squared) = (two.clusters[slot], two.squared[slot]);
        if squared * (1.0 + CLOSE) < other_squared || other == UNLABELLED {
            return true;
        }
        if other_squared * (1.0 + CLOSE) < squared {
            return false;
        }
        let rank = |cluster: u32| (exact(cluster), cluster != label, cluster);
        rank(cluster) < rank(other)
    };
    if before(0) {
        *two = Top2 { clusters: [cluster, two.clusters[0]], squared: [squared, two.squared[0]] };
    } else if before(1) {
        (two.clusters[1], two.squared[1]) = (cluster, squared);
    }
}

impl NearestTwoSearch<'_, '_> {
    pub(super) fn run(mut self) {
        let (rows, dim) = (self.points.len(), self.points.dim());
        if rows == 0 {
            // No row has a label; the number of columns may not be set yet.
            return;
        }
        if self.searched.clusters.len() <= KEPT {
            (0..rows).for_each(|index| self.measure_all(index));
            return;
        }
        let coarse = !self.level.too_coarse && self.searched.clusters.len() >= FEW_CENTROIDS && quantised::serves(dim);
        let floats = ProductError::of_floats(dim);
        let (largest, error) = match coarse {
            true => (self.nominate_quantised(), quantised::product_error()),
            false => (self.nominate(), floats),
        };
        let (mut unsure, mut limits) = (Vec::new(), Vec::new());
        for (index, number) in (0..rows).zip(0u32..) {
            let squared_norm = self.points.squared_norms[index];
            match self.elect(index, Reach::new(dim, error, squared_norm, largest)) {
                Ok(two) => self.out[self.points.rows[index] as usize] = two,
                Err(second) => {
                    // The second pass is in float32.
                    let limit = Reach::new(dim, floats, squared_norm, largest).of(second);
                    if limit.is_finite() {
                        unsure.push(number);
                        // The next number up: only scores below the limit are passed on, and narrowing may have rounded down.
                        limits.push(to_f32(limit).next_up());
                    } else {
                        self.measure_all(index);
                    }
                }
            }
        }
        self.level.too_coarse |= coarse && unsure.len() as f64 > MOST_UNSURE * rows as f64;
        self.measure_within(&unsure, &mut limits);
    }

    /// First pass in float32: fills in every row's nominees. Returns the largest norm of a centred centroid.
    fn nominate(&mut self) -> f64 {
        self.buffers.forget(self.points.len());
        let SearchBuffers { panels, nominees, limits, .. } = &mut *self.buffers;
        self.searched.score(self.points.all(), limits, panels, &mut |row, first, scores, lanes| {
            nominees[row].offer(scores, lanes, first);
            nominees[row].limit()
        })
    }

    /// First pass in 16 bits; returns the same.
    fn nominate_quantised(&mut self) -> f64 {
        self.buffers.forget(self.points.len());
        let SearchBuffers { quantised, nominees, .. } = &mut *self.buffers;
        quantised.fill(self.points);
        self.level.centroids.nominate(self.searched, self.points, quantised, nominees)
    }

    /// Measures a row's nominees. If another centroid may be among the nearest two, the error is the squared distance of the
    /// second.
    fn elect(&mut self, index: usize, reach: Reach) -> std::result::Result<Top2, f64> {
        let row = self.points.rows[index] as usize;
        let (point, label) = (self.tile.row(row, self.scratch), self.labels[row]);
        let exact = |cluster: u32| point.exactly_to(self.searched.centroids, cluster as usize);
        let SearchBuffers { nominees, clusters, squared, .. } = &mut *self.buffers;
        let nominees = &nominees[index];
        let mut two = Top2::NONE;
        // The first two nearly always decide, so the others are measured only if they are within reach.
        for (measured, next) in [(0..2, 2), (2..KEPT, KEPT - 1)] {
            clusters.clear();
            let positions = &nominees.positions()[measured];
            clusters.extend(positions.iter().filter_map(|&position| self.searched.clusters.get(position as usize)));
            squared_to(point, self.searched.centroids, clusters, squared);
            let measured = clusters.iter().copied().zip(squared.iter().copied());
            measured.for_each(|measured| admit(&mut two, measured, label, exact));
            if f64::from(nominees.score(next)) > reach.of(two.squared[1]) {
                return Ok(two);
            }
        }
        Err(two.squared[1])
    }

    /// Second pass: measures every centroid whose score is at most a row's limit.
    fn measure_within(&mut self, unsure: &[u32], limits: &mut [f32]) {
        if unsure.len() <= FEW_ROWS {
            unsure.iter().for_each(|&index| self.measure_all(index as usize));
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
            let (point, label) = (self.tile.row(row, self.scratch), self.labels[row]);
            squared_to(point, centroids, near, squared);
            let exact = |cluster: u32| point.exactly_to(centroids, cluster as usize);
            let measured = near.iter().copied().zip(squared.iter().copied());
            measured.for_each(|measured| admit(&mut self.out[row], measured, label, exact));
            fixed[index]
        });
    }

    /// Measures every searched centroid.
    fn measure_all(&mut self, index: usize) {
        let row = self.points.rows[index] as usize;
        let Searched { centroids, clusters, .. } = self.searched;
        let (point, label, squared) = (self.tile.row(row, self.scratch), self.labels[row], &mut self.buffers.squared);
        squared_to(point, centroids, clusters, squared);
        let exact = |cluster: u32| point.exactly_to(centroids, cluster as usize);
        let measured = clusters.iter().copied().zip(squared.iter().copied());
        measured.for_each(|measured| admit(&mut self.out[row], measured, label, exact));
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use pulp::Arch;

    use super::super::centred::Centring;
    use super::*;
    use crate::base::matrix::{Dtype, MatrixView};

    /// Searches twice, the second time after `between`, and returns the rows whose answers differ.
    fn changed(offset: f32, between: impl FnOnce(&mut LevelSearch)) -> usize {
        let (rows, k, dim) = (2000, 64, 8);
        let value = |i: usize| {
            let hashed = i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
            f32::from(u16::try_from(hashed & 0xffff).expect("16 bits")) / 65536.0 + offset
        };
        let points: Vec<f32> = (0..rows * dim).map(value).collect();
        let centroids = Array2::from_shape_fn((k, dim), |(i, j)| value((rows + i) * dim + j));
        let (centroids, clusters): (_, Vec<u32>) = (MatrixView::F32(centroids.view()), (0u32..).take(k).collect());
        let tile = Tile { bytes: bytemuck::cast_slice(&points), dim, rows, dtype: Dtype::F32, double: false };
        // no centre is subtracted, so that rows are long and close to each other
        let (mut scratch, mut centred, centre) = (Scratch::new(dim), CentredRows::default(), vec![0.0; dim]);
        let labels = vec![0; rows];
        let out = &mut centred;
        Arch::new().dispatch(Centring { tile, scratch: &mut scratch, labels: &labels, centre: &centre, out });
        let (mut buffers, mut level) = (SearchBuffers::default(), LevelSearch::default());
        let searched = Searched { centroids: &centroids, clusters: &clusters, centre: &centre };
        let mut search = |level: &mut LevelSearch| {
            let mut found = vec![Top2::NONE; rows];
            let (scratch, points, buffers, out) = (&mut scratch, &centred, &mut buffers, &mut found[..]);
            let labels = &labels[..];
            NearestTwoSearch { tile, scratch, labels, points, buffers, level, searched, out }.run();
            found
        };
        let expected = search(&mut level);
        between(&mut level);
        let found = search(&mut level);
        found.iter().zip(&expected).filter(|(found, expected)| found != expected).count()
    }

    #[test]
    fn without_slack_sixteen_bits_find_wrong_ones() {
        let offsets = [1.0, 3.0, 10.0];
        let coarse = |level: &mut LevelSearch| level.too_coarse = true;
        assert_eq!(offsets.map(|offset| changed(offset, coarse)), [0; 3], "float32 finds the same");
        if quantised::serves(8) {
            let wrong = offsets.map(|offset| {
                changed(offset, |level| {
                    level.too_coarse = false;
                    level.centroids.forget_slacks();
                })
            });
            assert!(wrong.iter().sum::<usize>() > 0, "{wrong:?}");
        }
    }

    #[test]
    fn where_sixteen_bits_decide_too_few_rows_float32_takes_over() {
        for (offset, expected) in [(-0.5, false), (1e3, quantised::serves(8))] {
            changed(offset, |level| assert_eq!(level.too_coarse, expected, "offset {offset}"));
        }
    }
}
