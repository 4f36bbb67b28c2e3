//! One of Lloyd's iterations over a member's points: those whose nearest centroid may be another one are searched for, and
//! sums and objective follow those that move.

use ndarray::ArrayView2;

use super::bounds::{Bounds, Drifts, Slack};
use super::broken::{Broken, label_finite};
use super::state::State;
use super::sums::Sums;
use crate::backend::{Lane, Observation, UNLABELLED};
use crate::base::error::Result;
use crate::base::numeric::to_usize;
use crate::engine::tile_pipeline::Reduce;
use crate::engine::tiles::{Cursor, Pass, Tile};

/// The pass of one iteration.
pub(super) struct Search<'a> {
    cursor: Cursor,
    /// Points before it are done.
    position: &'a mut u64,
    moving: &'a mut u64,
    searching: &'a mut u64,
    change: &'a mut f64,
    bounds: &'a mut Bounds,
    sums: &'a mut Sums,
    drifts: &'a Drifts,
    slack: Slack,
    pub(super) broken: Broken,
}

impl<'a> Search<'a> {
    /// Goes on where the state stands; `centroids` are its own.
    pub(super) fn new(state: &'a mut State, centroids: ArrayView2<'_, f64>) -> Self {
        let end = state.bounds.labels.len() as u64;
        Search {
            cursor: Cursor::new(state.position..end),
            slack: Slack::of(centroids),
            position: &mut state.position,
            moving: &mut state.moving,
            searching: &mut state.searching,
            change: &mut state.change,
            bounds: &mut state.bounds,
            sums: &mut state.sums,
            drifts: &state.drifts,
            broken: Broken::default(),
        }
    }
}

/// A point's place in this member's vectors.
pub(super) fn at(position: u64) -> usize {
    // vectors of all points are in memory
    to_usize(position)
}

impl Pass for Search<'_> {
    fn cut(&mut self, rows: usize, tile: &mut Tile) -> bool {
        let Search { cursor, bounds, drifts, .. } = self;
        let some = cursor.cut(rows, tile, |position| bounds.is_open(at(position), drifts));
        tile.before.extend(tile.positions.iter().map(|&position| bounds.labels[at(position)]));
        some
    }
}

impl Reduce for Search<'_> {
    type Tile = Tile;

    fn reduce(&mut self, tile: &Tile) {
        for position in tile.covers.clone() {
            self.bounds.drift(at(position), self.drifts);
        }
        for ((&position, &before), nearest) in tile.positions.iter().zip(&tile.before).zip(&tile.nearest) {
            let [now, _] = nearest.clusters;
            if now == UNLABELLED {
                // it holds a NaN, and is refused
                continue;
            }
            self.bounds.measured(at(position), nearest, self.slack);
            if now == before {
                continue;
            }
            self.sums.count_in(now);
            if before != UNLABELLED {
                self.sums.count_out(before);
            }
            *self.moving += 1;
            *self.change += nearest.squared[0];
        }
        *self.searching += tile.positions.len() as u64;
        self.sums.add(&tile.came);
        self.sums.subtract(&tile.left);
        *self.change -= tile.left_squares;
        self.broken.extend(tile);
        *self.position = tile.covers.end;
    }
}

/// What a lane does with a tile, all points of which are searched for. Where it is the `first` pass over them, they may hold
/// NaN.
pub(super) fn search(lane: &mut dyn Lane, tile: &mut Tile, first: bool) -> Result<()> {
    if first {
        label_finite(lane, tile)?;
    } else {
        tile.labels.clear();
        tile.labels.resize(tile.positions.len(), 0);
    }
    lane.top2(0, &tile.labels, &mut tile.nearest)?;
    let Tile { before, labels, nearest, came, left, left_squares, observation, .. } = tile;
    for group in [&mut *came, &mut *left] {
        group.clusters.clear();
        group.sums.clear();
    }
    *left_squares = 0.0;
    for ((label, nearest), &before) in labels.iter_mut().zip(&*nearest).zip(&*before) {
        let [now, _] = nearest.clusters;
        *label = if now == before { UNLABELLED } else { now };
    }
    if is_empty(labels) {
        return Ok(());
    }
    lane.cluster_sums(labels, came)?;
    for (label, &before) in labels.iter_mut().zip(&*before) {
        *label = if *label == UNLABELLED { UNLABELLED } else { before };
    }
    if is_empty(labels) {
        return Ok(());
    }
    lane.cluster_sums(labels, left)?;
    lane.own_distances(&[labels], observation)?;
    *left_squares = observation.levels.first().map_or(0.0, squares);
    Ok(())
}

/// Sum of the squared distances that a level of a tile tells.
fn squares(level: &Observation) -> f64 {
    match level.runs[..] {
        // NaN: no label
        [] => level.squared.iter().filter(|squared| !squared.is_nan()).sum(),
        ref runs => runs.iter().map(|run| run.inertia).sum(),
    }
}

/// Whether no point has a label.
fn is_empty(labels: &[u32]) -> bool {
    labels.iter().all(|&label| label == UNLABELLED)
}
