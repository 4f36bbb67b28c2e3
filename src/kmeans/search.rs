//! One of Lloyd's iterations over a member's points: those whose nearest centroid may be another one are searched for, and
//! sums follow those that move.

use ndarray::ArrayView2;

use super::bounds::{Bounds, Drifts, Slack};
use super::state::State;
use super::sums::Sums;
use super::tiles::{Cursor, Pass, Tile};
use crate::backend::{Lane, UNLABELLED};
use crate::crew::Absorb;
use crate::error::Result;

/// The pass of one iteration.
pub(super) struct Search<'a> {
    cursor: Cursor,
    /// Points before it are done.
    position: &'a mut u64,
    moving: &'a mut u64,
    bounds: &'a mut Bounds,
    sums: &'a mut Sums,
    drifts: &'a Drifts,
    slack: Slack,
    /// Nothing has been summed yet: every point is.
    first: bool,
}

impl<'a> Search<'a> {
    /// Goes on where the state stands.
    pub(super) fn new(state: &'a mut State, centroids: ArrayView2<'_, f64>) -> Self {
        let end = state.bounds.labels.len() as u64;
        Search {
            cursor: Cursor::new(state.position..end),
            slack: Slack::of(centroids),
            first: state.objectives.is_empty(),
            position: &mut state.position,
            moving: &mut state.moving,
            bounds: &mut state.bounds,
            sums: &mut state.sums,
            drifts: &state.drifts,
        }
    }
}

/// A point's place in this member's vectors.
pub(super) fn at(position: u64) -> usize {
    // vectors of all points are in memory
    usize::try_from(position).unwrap_or(usize::MAX)
}

impl Pass for Search<'_> {
    fn cut(&mut self, rows: usize, tile: &mut Tile) -> bool {
        let Search { cursor, bounds, drifts, first, .. } = self;
        let some = cursor.cut(rows, tile, |position| *first || bounds.is_open(at(position), drifts));
        tile.before.extend(tile.positions.iter().map(|&position| bounds.labels[at(position)]));
        tile.labels.clear();
        // 0: to be searched for
        let open = |&position: &u64| if bounds.is_open(at(position), drifts) { 0 } else { UNLABELLED };
        tile.labels.extend(tile.positions.iter().map(open));
        some
    }
}

impl Absorb for Search<'_> {
    type Tile = Tile;

    fn absorb(&mut self, tile: &Tile) {
        for position in tile.covers.clone() {
            self.bounds.drift(at(position), self.drifts);
        }
        for ((&position, &before), nearest) in tile.positions.iter().zip(&tile.before).zip(&tile.nearest) {
            if nearest.clusters[0] != UNLABELLED {
                self.bounds.measured(at(position), nearest, self.slack);
            }
            let now = self.bounds.labels[at(position)];
            if self.first {
                self.sums.count_in(now);
            } else if now != before {
                self.sums.count_in(now);
                self.sums.count_out(before);
            }
            *self.moving += u64::from(self.first || now != before);
        }
        self.sums.add(&tile.came);
        self.sums.subtract(&tile.left);
        *self.position = tile.covers.end;
    }
}

/// What a lane does with a tile. `first`: as in [`Search`].
pub(super) fn search(lane: &mut dyn Lane, tile: &mut Tile, first: bool) -> Result<()> {
    if tile.labels.iter().all(|&label| label == UNLABELLED) {
        tile.nearest.clear();
        tile.nearest.resize(tile.labels.len(), crate::backend::NearestTwo::NONE);
    } else {
        lane.nearest_two(0, &tile.labels, &mut tile.nearest)?;
    }
    let Tile { before, labels, nearest, came, left, .. } = tile;
    for group in [&mut *came, &mut *left] {
        group.clusters.clear();
        group.sums.clear();
    }
    let mut moved = false;
    for ((label, nearest), before) in labels.iter_mut().zip(&*nearest).zip(&mut *before) {
        let now = if nearest.clusters[0] == UNLABELLED { *before } else { nearest.clusters[0] };
        let moves = first || now != *before;
        *label = if moves { now } else { UNLABELLED };
        moved |= moves;
    }
    if !moved {
        return Ok(());
    }
    lane.cluster_sums(labels, came)?;
    if first {
        return Ok(());
    }
    for (label, before) in labels.iter_mut().zip(&*before) {
        *label = if *label == UNLABELLED { UNLABELLED } else { *before };
    }
    lane.cluster_sums(labels, left)
}
