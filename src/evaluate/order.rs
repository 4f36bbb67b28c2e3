//! What tiles say becomes sums, which are kept now and then.

use std::time::Instant;

use super::Nonfinite;
use super::pass::Pass;
use crate::backend::{GroupSums, Observation, TileObservation, Top2, UNLABELLED};
use crate::engine::checkpoint::{self, CheckpointStore, Stage};
use crate::engine::partials::{ClusterSums, RowSums, Sums};
use crate::engine::tile_pipeline::Reduce;

/// What a tile said, and the labels it was said of.
#[derive(Default)]
pub(super) struct TileResult {
    pub(super) first_row: u64,
    /// Of every level from the first on, evaluated or not: a level's labels come from those below it.
    pub(super) labels: Vec<Vec<u32>>,
    pub(super) observation: TileObservation,
    /// Per evaluated level, over the rows; empty where other centroids are not searched.
    pub(super) nearest: Vec<Vec<Top2>>,
    /// Of the lowest evaluated level; empty where the points are not summed.
    pub(super) groups: GroupSums,
}

/// The sums over the tiles that are in.
pub(super) struct Collected<'a> {
    pub(super) found: RowSums,
    levels: &'a [usize],
    /// How many centroids a row is compared with, per evaluated level.
    searched: Vec<u64>,
    /// When the first row with a NaN or an infinity was seen.
    pub(super) nonfinite_since: Option<Instant>,
    /// Where the sums are kept now and then.
    checkpoints: (&'a dyn CheckpointStore, Stage),
    /// The row after the last.
    end: u64,
    /// Whether rows with NaN are refused.
    refuses: bool,
}

impl<'a> Collected<'a> {
    /// For the pass, which goes on from what was `found`.
    pub(super) fn new(pass: &Pass<'a, '_>, found: RowSums) -> Self {
        Collected {
            nonfinite_since: (!found.skipped.is_empty()).then(Instant::now),
            found,
            levels: pass.levels,
            searched: pass.job.searched.iter().map(|clusters| clusters.len() as u64).collect(),
            checkpoints: (pass.checkpoints, pass.stage),
            end: pass.rows.end,
            refuses: pass.nonfinite == Nonfinite::Refuse,
        }
    }
}

impl Reduce for Collected<'_> {
    type Tile = TileResult;

    fn reduce(&mut self, tile: &TileResult) {
        let Collected { found, levels, searched, .. } = self;
        for ((sums, &level), observation) in found.sums.iter_mut().zip(*levels).zip(&tile.observation.levels) {
            found.counts.own += absorb_level(sums, &tile.labels[level], observation);
        }
        for (index, nearest) in tile.nearest.iter().enumerate() {
            let level = &tile.observation.levels[index];
            let rows = absorb_search(&mut found.sums[index], &tile.labels[levels[index]], &level.squared, nearest);
            found.counts.searched += rows * searched[index];
        }
        if let Some(points) = &mut found.points {
            let dim = tile.groups.sums.len().checked_div(tile.groups.clusters.len()).unwrap_or(1);
            for (&cluster, sum) in tile.groups.clusters.iter().zip(tile.groups.sums.chunks(dim.max(1))) {
                points.add(cluster as usize, sum);
            }
        }
        found.rows.end += tile.labels.first().map_or(0, |labels| labels.len() as u64);
        let bad = &tile.observation.nonfinite;
        if !bad.is_empty() {
            self.nonfinite_since.get_or_insert_with(Instant::now);
            found.skipped.extend(bad.iter().map(|&row| tile.first_row + u64::from(row)));
        }
    }

    /// The whole is stored by who drives the pass, once it has judged it; and what will be refused is not kept.
    fn settled(&mut self) {
        let (checkpoints, stage) = self.checkpoints;
        let refused = self.refuses && !self.found.skipped.is_empty();
        if checkpoints.due() && self.found.rows.end < self.end && !refused {
            checkpoint::on_the_way(checkpoints.store_rows(stage, &self.found));
        }
    }
}

/// Returns how many rows it counted.
fn absorb_level(sums: &mut ClusterSums, labels: &[u32], observation: &Observation) -> u64 {
    let mut rows = 0;
    if observation.runs.is_empty() {
        for (&label, &squared) in labels.iter().zip(&observation.squared) {
            // NaN: a row without a label, or one that is left out
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

/// The nearest other centroid is the second nearest where the nearest is the own one, which then is not misassigned
/// whatever rounding makes of two distances that are nearly equal. Returns how many rows it counted.
fn absorb_search(sums: &mut ClusterSums, labels: &[u32], own: &[f64], nearest: &[Top2]) -> u64 {
    let mut rows = 0;
    for ((&label, &own), nearest) in labels.iter().zip(own).zip(nearest) {
        if label != UNLABELLED {
            let is_nearest = nearest.clusters[0] == label;
            let other = nearest.squared[usize::from(is_nearest)];
            sums.add(label, Sums::of_search(own, if is_nearest { other.max(own) } else { other }));
            rows += 1;
        }
    }
    rows
}
