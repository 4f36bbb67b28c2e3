//! What comes back from the device becomes an observation; what float32 can't tell is taken again in float64.

use super::partial_inertia::RunSum;
use super::rescore::Nearest;
use super::sort::{Run, Sorted};
use super::upload::HostTile;
use crate::backend::{Job, Observation, RunSums};
use crate::base::error::{Error, Finding, Result};
use crate::base::matrix::{Dtype, MatrixView};

/// Squared distances below this are taken again: parts of them may have been lost below float32's normal range.
const TINY: f64 = 1e-16;

/// A float64 travels in two parts of together 48 bits. Where a squared difference is smaller than this part of the
/// squared magnitude, they no longer hold it to the accuracy of float32.
pub(super) const SPLIT: f64 = 1.0 / (1_u64 << 42) as f64;

/// One level's part of a read-back.
pub(super) struct Results<'r> {
    pub(super) runs: &'r [RunSum],
    /// In sorted order; empty unless `keep_rows`.
    pub(super) squared: &'r [f32],
    /// What every run must carry.
    pub(super) stamp: u32,
    /// Whether every row's distance is wanted.
    pub(super) keep_rows: bool,
}

/// Evaluates single rows in float64 on the host, and knows which need it.
pub(super) struct Exact<'a> {
    job: &'a Job<'a>,
    point: Vec<f64>,
    centroid: Vec<f64>,
}

impl<'a> Exact<'a> {
    pub(super) fn new(job: &'a Job<'a>) -> Exact<'a> {
        Exact { job, point: vec![0.0; job.dim], centroid: vec![0.0; job.dim] }
    }

    /// Squared distance of a row of the tile to a centroid.
    pub(super) fn squared(&mut self, tile: &HostTile, row: usize, level: usize, cluster: usize) -> f64 {
        tile.copy_row(row, &mut self.point);
        self.job.levels[level].copy_row(cluster, &mut self.centroid);
        self.point.iter().zip(&self.centroid).map(|(x, c)| (x - c) * (x - c)).sum()
    }

    /// The nearest two of `clusters` to a row of the tile.
    pub(super) fn nearest(
        &mut self,
        tile: &HostTile,
        row: usize,
        level: usize,
        clusters: impl Iterator<Item = u32>,
    ) -> Nearest {
        tile.copy_row(row, &mut self.point);
        let mut nearest = Nearest::NONE;
        for cluster in clusters {
            self.job.levels[level].copy_row(cluster as usize, &mut self.centroid);
            nearest.take(self.point.iter().zip(&self.centroid).map(|(x, c)| (x - c) * (x - c)).sum(), cluster);
        }
        nearest
    }

    /// The squared distance from which on the device's value is exact enough for a row whose largest magnitude is
    /// `largest`.
    pub(super) fn floor(&self, level: usize, largest: f64) -> f64 {
        let in_parts = self.job.dtype == Dtype::F64 || matches!(self.job.levels[level], MatrixView::F64(_));
        if !in_parts {
            return TINY;
        }
        // Written as a product of halves so that it can't overflow.
        TINY.max((largest * SPLIT.sqrt()) * (largest * SPLIT.sqrt()) * self.job.dim as f64)
    }

    /// Turns one level's results into its observation.
    pub(super) fn observe(
        &mut self,
        tile: &HostTile,
        level: usize,
        sorted: &Sorted,
        results: Results<'_>,
    ) -> Result<Observation> {
        let kept_rows = if results.keep_rows { tile.rows() } else { 0 };
        let mut out = Observation { squared: vec![f64::NAN; kept_rows], runs: Vec::with_capacity(sorted.runs.len()) };
        for (run, sum) in sorted.runs.iter().zip(results.runs) {
            if sum.stamp != results.stamp {
                return Err(not_computed());
            }
            self.observe_run(tile, level, sorted, (*run, sum), results.squared, &mut out);
        }
        for &(row, cluster) in &sorted.host {
            let row = row as usize;
            let squared = self.squared(tile, row, level, cluster as usize);
            let distance = squared.sqrt();
            out.runs.push(RunSums { cluster, count: 1, inertia: squared, distance, max_squared: squared });
            if let Some(kept) = out.squared.get_mut(row) {
                *kept = squared;
            }
        }
        Ok(out)
    }

    /// One run: as the device gives it, or row by row where its rows are too close to their centroid.
    fn observe_run(
        &mut self,
        tile: &HostTile,
        level: usize,
        sorted: &Sorted,
        (run, sum): (Run, &RunSum),
        squared: &[f32],
        out: &mut Observation,
    ) {
        let places = run.start..run.start + run.count as usize;
        let entries = &sorted.entries[places.clone()];
        let largest = entries.iter().map(|entry| tile.largest(entry.row as usize)).fold(0.0, f64::max);
        let trusted = f64::from(sum.max_squared) >= self.floor(level, largest);
        let mut exact = RunSums { cluster: run.label, count: run.count, inertia: 0.0, distance: 0.0, max_squared: 0.0 };
        if trusted {
            exact.inertia = f64::from(sum.inertia);
            exact.distance = f64::from(sum.distance);
            exact.max_squared = f64::from(sum.max_squared);
        }
        for (place, entry) in places.zip(entries) {
            let row = entry.row as usize;
            let given = squared.get(place).map(|&value| f64::from(value));
            if trusted && given.is_none() {
                break;
            }
            let value = match given {
                Some(value) if value >= self.floor(level, tile.largest(row)) => value,
                _ => self.squared(tile, row, level, run.label as usize),
            };
            if !trusted {
                exact.inertia += value;
                exact.distance += value.sqrt();
                exact.max_squared = exact.max_squared.max(value);
            }
            if let Some(kept) = out.squared.get_mut(row) {
                *kept = value;
            }
        }
        out.runs.push(exact);
    }
}

/// The stamp is missing: the device took the work and did nothing.
pub(super) fn not_computed() -> Error {
    Error::failed(
        Finding::new("the GPU returned without having computed")
            .hint("look for GPU errors in the system's log; update the driver, or use --device cpu"),
    )
}
