//! Turns results of the device into observations. Values that float32 can't resolve are evaluated again in float64.

use super::sort::{LabelRun, SortedRows};
use crate::backend::gpu::engine::exact::ExactRows;
use crate::backend::gpu::engine::fault::not_computed;
use crate::backend::gpu::engine::upload::HostTile;
use crate::backend::gpu::kernels::partial_inertia::RunSum;
use crate::backend::{Observation, RunSums};
use crate::base::error::Result;

/// One level's part of a read-back.
pub(crate) struct LevelResults<'r> {
    pub(crate) runs: &'r [RunSum],
    /// In sorted order; empty unless `keep_rows`.
    pub(crate) squared: &'r [f32],
    /// The stamp that every run must carry.
    pub(crate) stamp: u32,
    /// Whether every row's distance is wanted.
    pub(crate) keep_rows: bool,
}

/// Turns one level's results into an observation.
///
/// # Errors
/// `Kind::Failed` if a result lacks its stamp.
pub(crate) fn observe(
    exact: &mut ExactRows<'_>,
    tile: &HostTile<'_>,
    level: usize,
    sorted: &SortedRows,
    results: LevelResults<'_>,
) -> Result<Observation> {
    let kept_rows = if results.keep_rows { tile.rows() } else { 0 };
    let mut out = Observation { squared: vec![f64::NAN; kept_rows], runs: Vec::with_capacity(sorted.runs.len()) };
    for (run, sum) in sorted.runs.iter().zip(results.runs) {
        if sum.stamp != results.stamp {
            return Err(not_computed());
        }
        observe_run(exact, tile, level, sorted, (*run, sum), results.squared, &mut out)?;
    }
    for &(row, cluster) in &sorted.host {
        let row = row as usize;
        let squared = exact.squared(tile, row, level, cluster as usize)?;
        let distance = squared.sqrt();
        out.runs.push(RunSums { cluster, count: 1, inertia: squared, distance, max_squared: squared });
        if let Some(kept) = out.squared.get_mut(row) {
            *kept = squared;
        }
    }
    Ok(out)
}

/// Appends one run: the device's sums, or float64 sums row by row if its rows are too close to their centroid.
fn observe_run(
    exact: &mut ExactRows<'_>,
    tile: &HostTile<'_>,
    level: usize,
    sorted: &SortedRows,
    (run, sum): (LabelRun, &RunSum),
    squared: &[f32],
    out: &mut Observation,
) -> Result<()> {
    let places = run.start..run.start + run.count as usize;
    let entries = &sorted.entries[places.clone()];
    let largest = entries.iter().map(|entry| tile.largest(entry.row as usize)).fold(0.0, f64::max);
    let trusted = f64::from(sum.max_squared) >= exact.floor(level, largest);
    let mut sums = RunSums { cluster: run.label, count: run.count, inertia: 0.0, distance: 0.0, max_squared: 0.0 };
    if trusted {
        sums.inertia = f64::from(sum.inertia);
        sums.distance = f64::from(sum.distance);
        sums.max_squared = f64::from(sum.max_squared);
    }
    for (place, entry) in places.zip(entries) {
        let row = entry.row as usize;
        let given = squared.get(place).map(|&value| f64::from(value));
        if trusted && given.is_none() {
            break;
        }
        let value = match given {
            Some(value) if value >= exact.floor(level, tile.largest(row)) => value,
            _ => exact.squared(tile, row, level, run.label as usize)?,
        };
        if !trusted {
            sums.inertia += value;
            sums.distance += value.sqrt();
            sums.max_squared = sums.max_squared.max(value);
        }
        if let Some(kept) = out.squared.get_mut(row) {
            *kept = value;
        }
    }
    out.runs.push(sums);
    Ok(())
}
