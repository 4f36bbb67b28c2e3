//! Compares every pair of centroids once: finds each one's nearest and its worst ratio, without a k x k matrix.
//!
//! Pairs are measured by direct difference in the centroids' own precision, in blocks of columns that stay in the
//! second-level cache. Pairs that may change a result, given the rounding error of such a distance, are measured again in
//! float64. Only the minimum of those distances (ties go to the lower index) and the maximum of the ratios are kept. So
//! results are those of float64, and their bits don't depend on the order of pairs or on the threads.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::measure::{squared_in_double, squared_to};
use super::tile::Row;
use crate::backend::{CentroidPairs, Tick, UNLABELLED};
use crate::base::error::Result;
use crate::base::matrix::MatrixView;

/// Centroids that a thread processes at a time.
const BLOCK_ROWS: usize = 32;

/// Bytes of the centroids in a block of columns.
const BLOCK_BYTES: usize = 256 << 10;

/// How often `tick` is called, so that the work can be stopped.
const TICK: Duration = Duration::from_millis(50);

/// Bound of the relative error of a distance measured in float32 by direct difference: 64 roundings of 2^-24 in the square,
/// half of that in the distance.
const MEASURED: f64 = 1e-5;

/// The search, shared by all threads.
pub(super) struct PairSearch<'a, 'm> {
    pub(super) centroids: MatrixView<'m>,
    /// Rows of `centroids`, ascending.
    pub(super) clusters: &'a [u32],
    /// Spread s of each of these clusters.
    pub(super) spread: &'a [f64],
    pub(super) tick: &'a Tick<'a>,
}

impl PairSearch<'_, '_> {
    /// Measures all pairs on `threads` threads.
    pub(super) fn run(&self, threads: usize) -> Result<Vec<CentroidPairs>> {
        let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
        let blocks = self.clusters.len().div_ceil(BLOCK_ROWS);
        let worker = || {
            let mut found = vec![Neighbours::NOTHING; self.clusters.len()];
            let mut ticked = Instant::now();
            loop {
                let block = next.fetch_add(1, Ordering::Relaxed);
                if block >= blocks || stop.load(Ordering::Relaxed) {
                    return Ok(found);
                }
                let outcome = self.measure_block(block * BLOCK_ROWS, &mut found, &mut ticked, &stop);
                if outcome.is_err() {
                    stop.store(true, Ordering::Relaxed);
                    return outcome.map(|()| found);
                }
            }
        };
        let merged = std::sync::Mutex::new((vec![Neighbours::NOTHING; self.clusters.len()], None));
        std::thread::scope(|scope| {
            let merge = || {
                let outcome = worker();
                let mut merged = merged.lock().unwrap_or_else(PoisonError::into_inner);
                match outcome {
                    Ok(found) => merged.0.iter_mut().zip(found).for_each(|(all, found)| all.merge(found)),
                    Err(error) => merged.1 = Some(error),
                }
            };
            for _ in 1..threads.min(blocks) {
                scope.spawn(merge);
            }
            merge();
        });
        let (found, error) = merged.into_inner().unwrap_or_else(PoisonError::into_inner);
        match error {
            Some(error) => Err(error),
            None => Ok(found.into_iter().map(|found| self.named(found)).collect()),
        }
    }

    /// Measures the pairs of a block of centroids, starting at `first`, with all later centroids.
    fn measure_block(
        &self,
        first: usize,
        found: &mut [Neighbours],
        ticked: &mut Instant,
        stop: &AtomicBool,
    ) -> Result<()> {
        let end = (first + BLOCK_ROWS).min(self.clusters.len());
        let row_bytes = self.centroids.cols() * size_of::<f64>();
        let columns = (BLOCK_BYTES / row_bytes.max(1)).max(1);
        let mut squared = Vec::new();
        for from in (first + 1..self.clusters.len()).step_by(columns) {
            let to = (from + columns).min(self.clusters.len());
            for row in first..end {
                self.measure_row(row, from.max(row + 1)..to, &mut squared, found);
                if ticked.elapsed() >= TICK {
                    (self.tick)(0)?;
                    *ticked = Instant::now();
                }
            }
            if stop.load(Ordering::Relaxed) {
                return Ok(());
            }
        }
        (self.tick)((end - first) as u64)
    }

    /// Measures the pairs of one centroid with some later ones.
    fn measure_row(
        &self,
        row: usize,
        against: std::ops::Range<usize>,
        squared: &mut Vec<f64>,
        found: &mut [Neighbours],
    ) {
        if against.is_empty() {
            return;
        }
        let point = Row::of(&self.centroids, self.clusters[row] as usize);
        squared_to(point, &self.centroids, &self.clusters[against.clone()], squared);
        let mut own = found[row];
        for (column, &squared) in against.zip(&*squared) {
            let distance = squared.sqrt();
            let spread = self.spread[row] + self.spread[column];
            if own.may_change(distance, squared, spread) || found[column].may_change(distance, squared, spread) {
                let squared = self.exact(row, column);
                let worst_ratio = match squared > 0.0 {
                    // unknown: an infinite ratio makes the index undefined rather than small
                    _ if !squared.is_finite() || !spread.is_finite() => f64::INFINITY,
                    true => spread / squared.sqrt(),
                    false => 0.0,
                };
                own.merge(Neighbours { nearest: column, nearest_squared: squared, worst_ratio });
                found[column].merge(Neighbours { nearest: row, nearest_squared: squared, worst_ratio });
            }
        }
        found[row] = own;
    }

    /// Squared distance in float64.
    fn exact(&self, a: usize, b: usize) -> f64 {
        let [a, b] = [a, b].map(|i| Row::of(&self.centroids, self.clusters[i] as usize));
        squared_in_double(a.single, b.single) + squared_in_double(a.double, b.double)
    }

    fn named(&self, found: Neighbours) -> CentroidPairs {
        CentroidPairs {
            nearest: self.clusters.get(found.nearest).copied().unwrap_or(UNLABELLED),
            nearest_squared: found.nearest_squared,
            worst_ratio: found.worst_ratio,
        }
    }
}

/// A centroid's neighbours so far, by their position among `clusters`.
#[derive(Clone, Copy)]
struct Neighbours {
    nearest: usize,
    nearest_squared: f64,
    worst_ratio: f64,
}

impl Neighbours {
    const NOTHING: Neighbours = Neighbours { nearest: usize::MAX, nearest_squared: f64::INFINITY, worst_ratio: 0.0 };

    fn merge(&mut self, other: Neighbours) {
        let known = other.nearest_squared.is_finite();
        if known && (other.nearest_squared, other.nearest) < (self.nearest_squared, self.nearest) {
            (self.nearest_squared, self.nearest) = (other.nearest_squared, other.nearest);
        }
        self.worst_ratio = self.worst_ratio.max(other.worst_ratio);
    }

    /// Whether a pair with about this `distance` may change the result.
    fn may_change(&self, distance: f64, squared: f64, spread: f64) -> bool {
        squared * (1.0 - 2.0 * MEASURED) <= self.nearest_squared
            || spread > self.worst_ratio * distance * (1.0 - MEASURED)
            || !squared.is_finite()
            || !spread.is_finite()
    }
}
