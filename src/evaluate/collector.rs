//! Cuts rows into tiles, and sums the results of the tiles.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::evaluation::{Evaluation, Nonfinite};
use super::search_sinks::Other;
use super::sinks::{DistanceSinks, TileSinks, TiledSinks};
use crate::backend::{GroupSums, Job, Observation, TileObservation, Top2, UNLABELLED};
use crate::base::numeric::to_usize;
use crate::engine::partials::{ClusterSums, RowSums, Sums};
use crate::engine::tile_pipeline::{Reduce, TileSource};

/// How long reading continues after the first non-finite row, so that the error can report how many there are.
const COUNT_NONFINITE: Duration = Duration::from_secs(10);

/// One tile: its rows, their labels and the results for them.
#[derive(Default)]
pub(super) struct Tile<'a> {
    pub(super) first_row: u64,
    pub(super) rows: usize,
    pub(super) sinks: TileSinks<'a>,
    /// Labels on every level from the first on, evaluated or not: a level's labels derive from those below it.
    pub(super) labels: Vec<Vec<u32>>,
    pub(super) observation: TileObservation,
    /// The nearest two centroids of each row, per evaluated level; empty without a search.
    pub(super) nearest: Vec<Vec<Top2>>,
    /// Sums of the points on the lowest evaluated level of each chain; empty if they are not wanted.
    pub(super) groups: Vec<GroupSums>,
    /// `|x|^2 - 1` of each row; empty if it is not wanted.
    pub(super) excess: Vec<f64>,
}

/// Sums over the tiles reduced so far.
pub(super) struct Collector<'a> {
    pub(super) found: RowSums,
    /// Rows that are not cut into tiles yet.
    left: Range<u64>,
    sinks: TiledSinks<'a>,
    levels: &'a [usize],
    /// Number of centroids searched per row, per evaluated level.
    searched: Vec<u64>,
    /// Sizes of the clusters, per evaluated level, if the searches are for cosine silhouettes.
    sizes: Option<&'a [Vec<u64>]>,
    /// Whether non-finite rows are refused.
    refuses: bool,
    /// When the first non-finite row was seen.
    nonfinite_since: Option<Instant>,
}

impl<'a> Collector<'a> {
    /// Resumes after the rows in `found`. `sinks` are for the rows after those.
    pub(super) fn new(
        run: &'a Evaluation<'_>,
        job: &Job<'_>,
        nonfinite: Nonfinite,
        found: RowSums,
        sinks: DistanceSinks<'a>,
        tile_rows: usize,
        sizes: Option<&'a [Vec<u64>]>,
    ) -> Self {
        let left = found.rows.end..run.rows.end;
        Collector {
            sinks: TiledSinks::new(sinks, left.end - left.start, tile_rows),
            nonfinite_since: (!found.skipped.is_empty()).then(Instant::now),
            found,
            left,
            levels: run.levels,
            searched: job.searched.iter().map(|clusters| clusters.len() as u64).collect(),
            sizes,
            refuses: nonfinite == Nonfinite::Refuse,
        }
    }

    /// Whether the sums will be refused, because they include non-finite rows.
    pub(super) fn is_refused(&self) -> bool {
        self.refuses && !self.found.skipped.is_empty()
    }

    fn counted_enough(&self) -> bool {
        self.refuses && self.nonfinite_since.is_some_and(|since| since.elapsed() > COUNT_NONFINITE)
    }
}

impl<'a> TileSource for Collector<'a> {
    fn cut(&mut self, rows: usize, tile: &mut Tile<'a>) -> bool {
        let left = self.left.end - self.left.start;
        if left == 0 || self.counted_enough() {
            return false;
        }
        tile.first_row = self.left.start;
        tile.rows = to_usize(left).min(rows);
        tile.sinks = self.sinks.next();
        self.left.start += tile.rows as u64;
        true
    }
}

impl<'a> Reduce for Collector<'a> {
    type Tile = Tile<'a>;

    fn reduce(&mut self, tile: &Tile<'a>) {
        let Collector { found, levels, searched, sizes, .. } = self;
        for ((sums, &level), observation) in found.sums.iter_mut().zip(*levels).zip(&tile.observation.levels) {
            found.counts.own += add_level(sums, &tile.labels[level], observation);
            add_excess(sums, &tile.labels[level], &tile.excess);
        }
        for (index, nearest) in tile.nearest.iter().enumerate() {
            let level = &tile.observation.levels[index];
            let (several, sizes) = (searched[index] > 1, *sizes);
            let of_search = |label: u32, own: f64, other: f64| match sizes {
                None => Sums::of_search(own, other),
                Some(sizes) => Sums::of_cosine(sizes[index][label as usize], own, other),
            };
            let labels = &tile.labels[levels[index]];
            let rows = add_search(&mut found.sums[index], labels, &level.squared, nearest, several, of_search);
            found.counts.searched += rows * searched[index];
        }
        for (points, groups) in found.points.iter_mut().zip(&tile.groups) {
            points.add_groups(groups);
        }
        found.rows.end += tile.rows as u64;
        let nonfinite = &tile.observation.nonfinite;
        if !nonfinite.is_empty() {
            self.nonfinite_since.get_or_insert_with(Instant::now);
            found.skipped.extend(nonfinite.iter().map(|&row| tile.first_row + u64::from(row)));
        }
    }
}

/// Adds own distances. Returns the number of rows added.
fn add_level(sums: &mut ClusterSums, labels: &[u32], observation: &Observation) -> u64 {
    let mut rows = 0;
    if observation.runs.is_empty() {
        for (&label, &squared) in labels.iter().zip(&observation.squared) {
            // NaN: an unassigned point, or a skipped row
            if label != UNLABELLED && !squared.is_nan() {
                sums.add(label, Sums::of_point(squared));
                rows += 1;
            }
        }
        return rows;
    }
    for run in &observation.runs {
        let part = Sums {
            size: u64::from(run.count),
            inertia: run.inertia,
            distance: run.distance,
            max_squared: run.max_squared,
            ..Sums::IDENTITY
        };
        sums.add(run.cluster, part);
        rows += part.size;
    }
    rows
}

/// Adds `|x|^2 - 1` of each row.
fn add_excess(sums: &mut ClusterSums, labels: &[u32], excess: &[f64]) {
    for (&label, &excess) in labels.iter().zip(excess).filter(|(label, _)| **label != UNLABELLED) {
        sums.add(label, Sums { excess, ..Sums::IDENTITY });
    }
}

/// Adds the results of a top-2 search; see [`Other::of`] for `several`. `of_search` gives what a row adds. Returns the number
/// of rows added.
fn add_search(
    sums: &mut ClusterSums,
    labels: &[u32],
    own: &[f64],
    nearest: &[Top2],
    several: bool,
    of_search: impl Fn(u32, f64, f64) -> Sums,
) -> u64 {
    let mut rows = 0;
    for ((&label, &own), nearest) in labels.iter().zip(own).zip(nearest) {
        if label != UNLABELLED {
            let other = Other::of(label, own, nearest, several);
            let misassigned = u64::from(other.is_nearer);
            sums.add(label, Sums { misassigned, ..of_search(label, own, other.squared) });
            rows += 1;
        }
    }
    rows
}
