//! One Lloyd iteration over this process's points. Points whose nearest centroid may have changed are searched; the sums and
//! the objective are updated for those that move.

use super::bounds::{Bounds, Slack};
use super::nonfinite::Nonfinite;
use super::pass::search_finite;
use super::state::State;
use super::sums::Sums;
use super::tile::{Cursor, Tile};
use crate::backend::{Lane, Observation, UNLABELLED};
use crate::base::error::Result;
use crate::base::numeric::to_usize;
use crate::engine::points::Points;
use crate::engine::tile_pipeline::{Reduce, TileSource};

/// Reducer of one iteration's pass.
pub(super) struct Search<'a> {
    cursor: Cursor,
    /// Points before this one are done.
    position: &'a mut u64,
    moving: &'a mut u64,
    searching: &'a mut u64,
    change: &'a mut f64,
    farthest: &'a mut f64,
    bounds: &'a mut Bounds,
    sums: &'a mut Sums,
    pub(super) nonfinite: Nonfinite,
}

impl<'a> Search<'a> {
    /// Continues at the state's position.
    pub(super) fn new(points: &dyn Points, state: &'a mut State) -> Self {
        Search {
            cursor: Cursor::new(points, state.position),
            position: &mut state.position,
            moving: &mut state.moving,
            searching: &mut state.searching,
            change: &mut state.change,
            farthest: &mut state.farthest,
            bounds: &mut state.bounds,
            sums: &mut state.sums,
            nonfinite: Nonfinite::default(),
        }
    }
}

impl TileSource for Search<'_> {
    fn cut(&mut self, rows: usize, tile: &mut Tile) -> bool {
        let Search { cursor, bounds, .. } = self;
        let some = cursor.cut(rows, tile, |position| bounds.is_open(to_usize(position)));
        tile.before.extend(tile.positions.iter().map(|&position| bounds.labels[to_usize(position)]));
        some
    }
}

impl Reduce for Search<'_> {
    type Tile = Tile;

    fn reduce(&mut self, tile: &Tile) {
        for (&position, &found) in tile.positions.iter().zip(&tile.found) {
            // a point without a label is not finite and will be refused
            if found.label != UNLABELLED {
                self.bounds.set(to_usize(position), found);
            }
        }
        for &[before, now] in &tile.moved {
            self.sums.count_in(now);
            if before != UNLABELLED {
                self.sums.count_out(before);
            }
        }
        *self.moving += tile.moved.len() as u64;
        *self.searching += tile.positions.len() as u64;
        self.sums.add(&tile.joined);
        self.sums.subtract(&tile.left);
        let ([joined, to], [left, from]) = (tile.joined_squares, tile.left_squares);
        *self.change += joined - left;
        *self.farthest = self.farthest.max(to).max(from);
        self.nonfinite.extend(tile);
        *self.position = tile.covers.end;
    }
}

/// Searches the points of a tile, and sums those that join and leave clusters. Everything that a lane can do for its points
/// is done here: lanes work in parallel, reducers one after another.
pub(super) fn search(lane: &mut dyn Lane, tile: &mut Tile, slack: Slack) -> Result<()> {
    search_finite(lane, tile)?;
    let Tile { before, labels, nearest, found, moved, joined_squares, joined, .. } = tile;
    let Tile { left_labels, left, left_squares, observation, .. } = tile;
    found.extend(nearest.iter().map(|nearest| slack.bounded(nearest)));
    let [sum, farthest] = joined_squares;
    for ((label, nearest), &before) in labels.iter_mut().zip(&*nearest).zip(&*before) {
        let [now, _] = nearest.clusters;
        *label = if now == before { UNLABELLED } else { now };
        if *label != UNLABELLED {
            moved.push([before, now]);
            *sum += nearest.squared[0];
            *farthest = farthest.max(nearest.squared[0]);
        }
    }
    if moved.is_empty() {
        return Ok(());
    }
    if moved.iter().all(|&[before, _]| before == UNLABELLED) {
        return lane.cluster_sums(labels, joined);
    }
    left_labels.clear();
    let of = |(&label, &before)| if label == UNLABELLED { UNLABELLED } else { before };
    left_labels.extend(labels.iter().zip(&*before).map(of));
    lane.cluster_sums_of_both([labels, left_labels], [joined, left])?;
    lane.own_distances(&[left_labels], observation)?;
    *left_squares = observation.levels.first().map_or([0.0; 2], squares);
    Ok(())
}

/// Sum of the squared distances in an observation, and the largest.
pub(super) fn squares(level: &Observation) -> [f64; 2] {
    let add = |[sum, most]: [f64; 2], (squared, largest): (f64, f64)| [sum + squared, most.max(largest)];
    match level.runs[..] {
        // NaN: no label
        [] => level.squared.iter().filter(|squared| !squared.is_nan()).map(|&s| (s, s)).fold([0.0; 2], add),
        ref runs => runs.iter().map(|run| (run.inertia, run.max_squared)).fold([0.0; 2], add),
    }
}
