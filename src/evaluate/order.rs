//! Results of tiles enter the sums in the order of the tiles, whichever lane is faster.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::Nonfinite;
use super::keep::{self, Keeper, Stage};
use super::pass::Pass;
use crate::backend::{GroupSums, NearestTwo, Observation, TileObservation, UNLABELLED};
use crate::partials::{ClusterSums, RowSums, Sums};

/// What a tile said, and the labels it was said of.
#[derive(Default)]
pub(super) struct TileResult {
    pub(super) first_row: u64,
    /// Of every level from the first on, evaluated or not: a level's labels come from those below it.
    pub(super) labels: Vec<Vec<u32>>,
    pub(super) observation: TileObservation,
    /// Per evaluated level, over the rows; empty where other centroids are not searched.
    pub(super) nearest: Vec<Vec<NearestTwo>>,
    /// Of the lowest evaluated level; empty where the points are not summed.
    pub(super) groups: GroupSums,
}

/// The sums, and the results that wait for their turn.
pub(super) struct InOrder<'a> {
    state: Mutex<State>,
    /// Where the sums are kept now and then.
    keeper: (&'a dyn Keeper, Stage),
    /// The row after the last.
    end: u64,
    /// Whether rows with NaN are refused.
    refuses: bool,
    turn: Condvar,
    /// How many results may wait: bounds memory where one lane is held up.
    depth: usize,
}

struct State {
    found: RowSums,
    levels: Vec<usize>,
    /// How many centroids a row is compared with, per evaluated level.
    searched: Vec<u64>,
    /// When the first row with a NaN or an infinity was seen.
    since: Option<Instant>,
    next: u64,
    waiting: BTreeMap<u64, TileResult>,
    /// Buffers to use again.
    blanks: Vec<TileResult>,
    abandoned: bool,
}

impl<'a> InOrder<'a> {
    /// For the pass, which goes on from what was `found`. `searched`: how many centroids a row is compared with on each
    /// evaluated level.
    pub(super) fn new(pass: &Pass<'a, '_>, found: RowSums, searched: Vec<u64>) -> Self {
        let since = (!found.skipped.is_empty()).then(Instant::now);
        let state = State {
            found,
            levels: pass.levels.to_vec(),
            searched,
            since,
            next: 0,
            waiting: BTreeMap::new(),
            blanks: Vec::new(),
            abandoned: false,
        };
        InOrder {
            state: Mutex::new(state),
            keeper: (pass.keeper, pass.stage),
            end: pass.rows.end,
            refuses: pass.nonfinite == Nonfinite::Refuse,
            turn: Condvar::new(),
            depth: 4 * pass.tiling.lanes,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An empty result, its buffers used before where possible.
    pub(super) fn blank(&self, levels: usize) -> TileResult {
        let mut blank = self.lock().blanks.pop().unwrap_or_default();
        blank.labels.resize_with(levels, Vec::new);
        blank
    }

    /// Adds the result of tile `index` as soon as all tiles before it are in.
    pub(super) fn put(&self, index: u64, result: TileResult) {
        let mut state = self.lock();
        // the lane whose turn it is never waits here, so the others can't wait forever
        while index != state.next && state.waiting.len() >= self.depth && !state.abandoned {
            state = self.turn.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.waiting.insert(index, result);
        while let Some(result) = state.take_next() {
            state.absorb(&result);
            state.blanks.push(result);
        }
        // the whole is stored by who drives the pass, once it has judged it; and what will be refused is not kept
        let (keeper, stage) = self.keeper;
        let refused = self.refuses && !state.found.skipped.is_empty();
        if keeper.due() && state.found.rows.end < self.end && !refused {
            keep::on_the_way(keeper.store_rows(stage, &state.found));
        }
        self.turn.notify_all();
    }

    /// A lane failed: nobody waits any more.
    pub(super) fn abandon(&self) {
        self.lock().abandoned = true;
        self.turn.notify_all();
    }

    /// When the first non-finite row was seen.
    pub(super) fn nonfinite_since(&self) -> Option<Instant> {
        self.lock().since
    }

    /// What was found over the tiles that are in.
    pub(super) fn finish(self) -> RowSums {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner).found
    }
}

impl State {
    fn take_next(&mut self) -> Option<TileResult> {
        let result = self.waiting.remove(&self.next)?;
        self.next += 1;
        Some(result)
    }

    fn absorb(&mut self, tile: &TileResult) {
        let State { found, levels, searched, .. } = self;
        for ((sums, &level), observation) in found.sums.iter_mut().zip(&*levels).zip(&tile.observation.levels) {
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
            self.since.get_or_insert_with(Instant::now);
            found.skipped.extend(bad.iter().map(|&row| tile.first_row + u64::from(row)));
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
fn absorb_search(sums: &mut ClusterSums, labels: &[u32], own: &[f64], nearest: &[NearestTwo]) -> u64 {
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
