//! The pass over the rows: searches their nearest centroids, and writes labels, distances and margins.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::inputs::Inputs;
use crate::backend::{Backend, Job, Lane, TileObservation, TileRows, Tiling, Top2, UNLABELLED};
use crate::base::error::{Error, Finding, Result};
use crate::base::numeric::{as_real, to_f32, to_u32, to_usize};
use crate::engine::driver::{Driven, Driver, TileWork};
use crate::engine::points::is_in_range;
use crate::engine::progress::{Progress, StageProgress};
use crate::engine::tile_pipeline::{Reduce, TileSource};
use crate::evaluate::Nonfinite;

/// The label of a row that was skipped.
pub(super) const SKIPPED: i32 = -1;

/// Number of skipped or refused rows that are listed.
pub(super) const NAMED: usize = 10;

/// How long reading continues after the first refused row, so that the error can report how many there are.
const COUNT_REFUSED: Duration = Duration::from_secs(10);

/// The results of one level for the rows of a process: slices of its files, `[rows]` each.
pub(super) struct LevelSinks<'a> {
    /// Cluster of each row; [`SKIPPED`] for none.
    pub(super) labels: &'a mut [i32],
    /// Distance to that cluster's centroid; NaN for skipped rows.
    pub(super) distances: &'a mut [f32],
    /// Distance to the second nearest centroid minus that to the nearest; NaN for skipped rows and without a second centroid.
    /// `None` for a level that is not searched.
    pub(super) margins: Option<&'a mut [f32]>,
}

/// Assigns rows to the centroids of all levels.
pub(super) struct Assigner<'a> {
    pub(super) inputs: &'a Inputs,
    pub(super) backend: &'a dyn Backend,
    pub(super) job: &'a Job<'a>,
    pub(super) tiling: Tiling,
    pub(super) nonfinite: Nonfinite,
    /// Can cancel the run.
    pub(super) watch: &'a dyn Progress,
    /// Receives the progress of the stage.
    pub(super) progress: &'a dyn StageProgress,
}

impl Inputs {
    /// What the device computes.
    pub(super) fn job(&self, tile_rows: usize) -> Job<'_> {
        let searched =
            self.levels.iter().map(|level| if self.searches(level) { level.finite.clone() } else { Vec::new() });
        Job {
            tile_rows,
            keep_rows: self.measures(),
            centre: self.centre(),
            searched: searched.collect(),
            ..Job::new(
                self.embeddings.dim(),
                self.embeddings.dtype(),
                self.embeddings.rows(),
                self.levels.iter().map(|level| level.centroids.view()).collect(),
            )
        }
    }

    /// Whether the labels of some level follow the hierarchy, so that the distances to their centroids are not found by a search.
    fn measures(&self) -> bool {
        self.levels.iter().any(|level| !self.searches(level))
    }

    /// Mean of the finite centroids of level 1, `[d]`.
    fn centre(&self) -> Vec<f64> {
        let dim = self.embeddings.dim();
        let (mut row, mut mean) = (vec![0.0; dim], vec![0.0; dim]);
        let Some(level) = self.levels.first() else { return mean };
        for (number, &cluster) in (1..).zip(&level.finite) {
            level.centroids.view().copy_row(cluster as usize, &mut row);
            mean.iter_mut().zip(&row).for_each(|(mean, value)| *mean += (value - *mean) / as_real(number));
        }
        mean
    }
}

impl Assigner<'_> {
    /// Assigns `rows`, at least one tile of them, until `until`. `sinks` are for these rows. Returns how many rows are done, from
    /// the first on, and how the pass ended.
    pub(super) fn run(
        &self,
        rows: Range<u64>,
        sinks: Vec<LevelSinks<'_>>,
        until: Option<Instant>,
    ) -> (u64, Result<()>) {
        let collector = Collector {
            first: rows.start,
            left: rows,
            done: 0,
            sinks,
            until,
            refuses: self.nonfinite == Nonfinite::Refuse,
            refused: Vec::new(),
            refused_count: 0,
            refused_since: None,
        };
        let Assigner { backend, job, tiling, watch, progress, .. } = *self;
        let driver = Driver { backend, job, tiling, watch, progress };
        let Driven { reducer, outcome, .. } = driver.run(collector, &Work { assigner: self });
        let outcome = match reducer.refused_count {
            0 => outcome,
            _ => Err(self.refusal(&reducer)),
        };
        (reducer.done, outcome)
    }

    fn refusal(&self, collector: &Collector<'_>) -> Error {
        let named: Vec<String> = collector.refused.iter().map(u64::to_string).collect();
        let more = if collector.refused_count > named.len() as u64 { ", ..." } else { "" };
        let file = collector
            .refused
            .first()
            .map_or_else(Default::default, |&row| self.inputs.embeddings.file_of(row).path.clone());
        let zeros = if self.inputs.embeddings.is_normalized() { ", or are zeros that have no norm" } else { "" };
        Error::input(
            Finding::new(format!(
                "rows of the embeddings hold NaN or infinite values, or values beyond float32{zeros}"
            ))
            .file(file)
            .expected("finite values up to 3.4e38")
            .found(format!(
                "{} such rows among the {} read: {}{more}",
                collector.refused_count,
                collector.done,
                named.join(", ")
            ))
            .hint("repair those rows, or leave them without a label with --nonfinite skip"),
        )
    }
}

/// One tile: its rows, and what was found for them.
#[derive(Default)]
struct Tile {
    first: u64,
    rows: usize,
    /// Rows of the tile that are not finite, ascending.
    nonfinite: Vec<u32>,
    /// 0 for finite rows, which are searched.
    finite: Vec<u32>,
    levels: Vec<TileLevel>,
    observation: TileObservation,
}

#[derive(Default)]
struct TileLevel {
    labels: Vec<u32>,
    /// The nearest two; empty if the level was not searched.
    nearest: Vec<Top2>,
}

/// Cuts the rows into tiles, and writes what was found in the order of the rows.
struct Collector<'a> {
    /// First row of the sinks.
    first: u64,
    /// Rows that are not cut into tiles yet.
    left: Range<u64>,
    /// Number of rows that are written.
    done: u64,
    sinks: Vec<LevelSinks<'a>>,
    until: Option<Instant>,
    refuses: bool,
    refused: Vec<u64>,
    refused_count: u64,
    refused_since: Option<Instant>,
}

impl TileSource for Collector<'_> {
    fn cut(&mut self, rows: usize, tile: &mut Tile) -> bool {
        let begun = self.left.start > self.first;
        let is_over = begun && self.until.is_some_and(|until| Instant::now() >= until);
        let counted = self.refused_since.is_some_and(|since| since.elapsed() > COUNT_REFUSED);
        if self.left.is_empty() || is_over || counted {
            return false;
        }
        tile.first = self.left.start;
        tile.rows = to_usize(self.left.end - self.left.start).min(rows);
        tile.nonfinite.clear();
        self.left.start += tile.rows as u64;
        true
    }
}

impl Reduce for Collector<'_> {
    type Tile = Tile;

    fn reduce(&mut self, tile: &Tile) {
        let at = to_usize(tile.first - self.first);
        for (number, (sinks, level)) in self.sinks.iter_mut().zip(&tile.levels).enumerate() {
            let labels = &mut sinks.labels[at..][..tile.rows];
            labels.iter_mut().zip(&level.labels).for_each(|(out, &label)| *out = label_of(label));
            let distances = &mut sinks.distances[at..][..tile.rows];
            if level.nearest.is_empty() {
                // a skipped row has no label, and its distance is NaN
                let squared = &tile.observation.levels[number].squared;
                distances.iter_mut().zip(squared).for_each(|(out, squared)| *out = to_f32(squared.sqrt()));
                continue;
            }
            distances.iter_mut().zip(&level.nearest).for_each(|(out, top2)| *out = to_f32(nearest_distance(top2)));
            if let Some(margins) = &mut sinks.margins {
                let margins = margins[at..][..tile.rows].iter_mut();
                margins.zip(&level.nearest).for_each(|(out, top2)| *out = to_f32(margin(top2)));
            }
        }
        if self.refuses && !tile.nonfinite.is_empty() {
            self.refused_since.get_or_insert_with(Instant::now);
            self.refused_count += tile.nonfinite.len() as u64;
            let rows = tile.nonfinite.iter().map(|&row| tile.first + u64::from(row));
            self.refused.extend(rows.take(NAMED - self.refused.len().min(NAMED)));
        }
        self.done += tile.rows as u64;
    }
}

/// The stored form of a label.
fn label_of(label: u32) -> i32 {
    // clusters are numbered in 31 bits
    if label == UNLABELLED { SKIPPED } else { i32::try_from(label).unwrap_or(SKIPPED) }
}

/// Distance to the nearest centroid; NaN without one.
fn nearest_distance(top2: &Top2) -> f64 {
    if top2.clusters[0] == UNLABELLED { f64::NAN } else { top2.squared[0].sqrt() }
}

/// Distance to the second nearest centroid minus that to the nearest; NaN without a second one.
fn margin(top2: &Top2) -> f64 {
    if top2.clusters[1] == UNLABELLED { f64::NAN } else { (top2.squared[1].sqrt() - top2.squared[0].sqrt()).max(0.0) }
}

struct Work<'w, 'a> {
    assigner: &'w Assigner<'a>,
}

impl TileWork<Collector<'_>> for Work<'_, '_> {
    type Scratch = ();

    fn prepare(&self, tile: &mut Tile) -> usize {
        tile.rows
    }

    fn rows<'t>(&self, tile: &'t Tile) -> TileRows<'t> {
        TileRows::Range(tile.first..tile.first + tile.rows as u64)
    }

    fn read(&self, tile: &mut Tile, rows: Range<usize>, out: &mut [u8]) -> Result<()> {
        let embeddings = &self.assigner.inputs.embeddings;
        embeddings.read_rows(tile.first + rows.start as u64, out)?;
        // the rows are in cache, so this costs less than having the device look for them
        let rows = (to_u32(rows.start as u64)..).zip(out.chunks_exact(embeddings.row_bytes().max(1)));
        let nonfinite = rows.filter(|(_, row)| !is_in_range(embeddings.dtype(), row));
        tile.nonfinite.extend(nonfinite.map(|(number, _)| number));
        Ok(())
    }

    fn compute(&self, lane: &mut dyn Lane, tile: &mut Tile, _: &mut (), check: &dyn Fn() -> Result<()>) -> Result<()> {
        let inputs = self.assigner.inputs;
        let Tile { rows, nonfinite, finite, levels, observation, .. } = tile;
        finite.clear();
        finite.resize(*rows, 0);
        nonfinite.iter().for_each(|&row| finite[row as usize] = UNLABELLED);
        levels.resize_with(inputs.levels.len(), TileLevel::default);
        for number in 0..levels.len() {
            let (below, level) = levels.split_at_mut(number);
            let TileLevel { labels, nearest } = &mut level[0];
            labels.clear();
            nearest.clear();
            match below.last().filter(|_| !inputs.searches(&inputs.levels[number])) {
                Some(below) => {
                    let parent = &inputs.levels[number].parent;
                    labels.extend(below.labels.iter().map(|&child| match child {
                        UNLABELLED => UNLABELLED,
                        child => parent[child as usize],
                    }));
                }
                None => {
                    check()?;
                    lane.top2(number, finite, nearest)?;
                    labels.extend(nearest.iter().map(|top2| top2.clusters[0]));
                }
            }
        }
        if inputs.measures() {
            let labels: Vec<&[u32]> = levels.iter().map(|level| level.labels.as_slice()).collect();
            lane.own_distances(&labels, observation)?;
        }
        Ok(())
    }

    fn units(&self, tile: &Tile) -> u64 {
        tile.rows as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn margins_are_differences_of_distances() {
        let top2 = |clusters, squared| Top2 { clusters, squared };
        let two = top2([3, 5], [4.0, 25.0]);
        assert_eq!((nearest_distance(&two), margin(&two)), (2.0, 3.0));
        let one = top2([3, UNLABELLED], [4.0, f64::INFINITY]);
        assert!(nearest_distance(&one) == 2.0 && margin(&one).is_nan());
        assert!(nearest_distance(&Top2::NONE).is_nan() && margin(&Top2::NONE).is_nan());
        assert_eq!((label_of(UNLABELLED), label_of(7)), (SKIPPED, 7));
    }
}
