//! Results of tiles enter the sums in the order of the tiles, whichever lane is faster.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::backend::{GroupSums, NearestTwo, Observation, TileObservation, UNLABELLED};
use crate::partials::{ClusterSums, PointSums, Sums};

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
pub(super) struct InOrder {
    state: Mutex<State>,
    turn: Condvar,
    /// How many results may wait: bounds memory where one lane is held up.
    depth: usize,
}

struct State {
    sums: Vec<ClusterSums>,
    points: Option<PointSums>,
    levels: Vec<usize>,
    /// Rows that hold a NaN or an infinity, ascending.
    nonfinite: Vec<u64>,
    since: Option<Instant>,
    rows: u64,
    next: u64,
    waiting: BTreeMap<u64, TileResult>,
    /// Buffers to use again.
    blanks: Vec<TileResult>,
    abandoned: bool,
}

impl InOrder {
    /// `levels`: indices of the evaluated levels, one for each of the sums of clusters.
    pub(super) fn new((sums, points): (Vec<ClusterSums>, Option<PointSums>), levels: Vec<usize>, lanes: usize) -> Self {
        let state = State {
            sums,
            points,
            levels,
            nonfinite: Vec::new(),
            since: None,
            rows: 0,
            next: 0,
            waiting: BTreeMap::new(),
            blanks: Vec::new(),
            abandoned: false,
        };
        InOrder { state: Mutex::new(state), turn: Condvar::new(), depth: 4 * lanes }
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

    /// The sums of clusters and of points, the non-finite rows, and the number of rows that were seen.
    pub(super) fn finish(&self) -> (Vec<ClusterSums>, Option<PointSums>, Vec<u64>, u64) {
        let mut state = self.lock();
        let sums = std::mem::take(&mut state.sums);
        (sums, state.points.take(), std::mem::take(&mut state.nonfinite), state.rows)
    }
}

impl State {
    fn take_next(&mut self) -> Option<TileResult> {
        let result = self.waiting.remove(&self.next)?;
        self.next += 1;
        Some(result)
    }

    fn absorb(&mut self, tile: &TileResult) {
        for ((sums, &level), observation) in self.sums.iter_mut().zip(&self.levels).zip(&tile.observation.levels) {
            absorb_level(sums, &tile.labels[level], observation);
        }
        for (index, nearest) in tile.nearest.iter().enumerate() {
            let level = &tile.observation.levels[index];
            absorb_search(&mut self.sums[index], &tile.labels[self.levels[index]], &level.squared, nearest);
        }
        if let Some(points) = &mut self.points {
            let dim = tile.groups.sums.len().checked_div(tile.groups.clusters.len()).unwrap_or(1);
            for (&cluster, sum) in tile.groups.clusters.iter().zip(tile.groups.sums.chunks(dim.max(1))) {
                points.add(cluster as usize, sum);
            }
        }
        self.rows += tile.labels.first().map_or(0, |labels| labels.len() as u64);
        let bad = &tile.observation.nonfinite;
        if !bad.is_empty() {
            self.since.get_or_insert_with(Instant::now);
            self.nonfinite.extend(bad.iter().map(|&row| tile.first_row + u64::from(row)));
        }
    }
}

fn absorb_level(sums: &mut ClusterSums, labels: &[u32], observation: &Observation) {
    if observation.runs.is_empty() {
        for (&label, &squared) in labels.iter().zip(&observation.squared) {
            // NaN: a row without a label, or one that is left out
            if label != UNLABELLED && !squared.is_nan() {
                sums.add(label, Sums::of_point(squared));
            }
        }
        return;
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
    }
}

/// The nearest other centroid is the second nearest where the nearest is the own one, which then is not misassigned
/// whatever rounding makes of two distances that are nearly equal.
fn absorb_search(sums: &mut ClusterSums, labels: &[u32], own: &[f64], nearest: &[NearestTwo]) {
    for ((&label, &own), nearest) in labels.iter().zip(own).zip(nearest) {
        if label != UNLABELLED {
            let is_nearest = nearest.clusters[0] == label;
            let other = nearest.squared[usize::from(is_nearest)];
            sums.add(label, Sums::of_search(own, if is_nearest { other.max(own) } else { other }));
        }
    }
}
