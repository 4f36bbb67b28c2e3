//! Sums over all points by their current labels, as opposed to updates of earlier sums.
//!
//! Updates are exact enough unless a point that moves is so far from the others that rounding it hides them, or the objective
//! falls to a small part of what was subtracted from it. Then sums and objective are measured anew. On ordinary data this
//! happens at most once or twice in a k-means.

use ndarray::Array2;

use super::Fit;
use super::bounds::Bounds;
use super::pass::Pass;
use super::search::squares;
use super::state::State;
use super::sums::Sums;
use super::tile::{Cursor, Tile};
use crate::backend::Job;
use crate::base::error::Result;
use crate::base::matrix::MatrixView;
use crate::base::numeric::{as_real, to_usize};
use crate::engine::progress::StageProgress;
use crate::engine::tile_pipeline::{Reduce, TileSource};

/// A squared distance this many times as large as the mean one may hide the others in a float32 sum: 2^10 times the distance
/// leaves 14 of 24 bits, and the objective errs by the square of the rest.
const FAR: f64 = (1 << 20) as f64;

/// An objective that fell to this part since it was measured has lost about six bits.
const FALLEN: f64 = 1.0 / 64.0;

/// Whether the sums and an objective over `points` points must be measured anew. `farthest` is the largest squared distance of
/// a point that moved, and `peak` the largest objective, since they were.
pub(super) fn in_doubt(objective: f64, points: u64, farthest: f64, peak: f64) -> bool {
    farthest * as_real(points) > FAR * objective || objective < FALLEN * peak
}

/// Sums the points of each cluster.
struct Recount<'a> {
    cursor: Cursor,
    bounds: &'a Bounds,
    sums: Sums,
    squares: f64,
}

impl TileSource for Recount<'_> {
    fn cut(&mut self, rows: usize, tile: &mut Tile) -> bool {
        let some = self.cursor.cut(rows, tile, |_| true);
        tile.labels.clear();
        tile.labels.extend(tile.positions.iter().map(|&position| self.bounds.labels[to_usize(position)]));
        some
    }
}

impl Reduce for Recount<'_> {
    type Tile = Tile;

    fn reduce(&mut self, tile: &Tile) {
        self.sums.add(&tile.joined);
        self.squares += tile.left_squares[0];
        tile.labels.iter().for_each(|&label| self.sums.count_in(label));
    }
}

/// Sums of this process's points by the state's labels and, if `measure`, of their squared distances to `centroids`.
pub(super) fn recount(
    fit: &Fit<'_>,
    state: &State,
    centroids: &Array2<f64>,
    measure: bool,
    progress: &dyn StageProgress,
) -> Result<(Sums, f64)> {
    let points = fit.points;
    let job = Job {
        sums: true,
        kept: points.kept(),
        ..Job::new(points.dim(), points.dtype(), points.len(), vec![MatrixView::F64(centroids.view())])
    };
    let pass =
        Pass { points, backend: fit.backend, job: &job, checks_finite: false, watch: fit.watch, progress, units: 0 };
    let sums = Sums::none(centroids.nrows(), points.dim())?;
    let recount = Recount { cursor: Cursor::new(points, 0), bounds: &state.bounds, sums, squares: 0.0 };
    let (found, outcome) = pass.run(recount, |lane, tile| {
        lane.cluster_sums(&tile.labels, &mut tile.joined)?;
        if measure {
            lane.own_distances(&[&tile.labels], &mut tile.observation)?;
            tile.left_squares = tile.observation.levels.first().map_or([0.0; 2], squares);
        }
        Ok(())
    });
    outcome?;
    Ok((found.sums, found.squares))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unusual_sums_are_in_doubt() {
        assert!(!in_doubt(100.0, 100, 1e4, 300.0));
        assert!(in_doubt(100.0, 100, 2e6, 300.0), "a point moved far");
        assert!(in_doubt(1.0, 100, 0.0, 65.0), "the objective fell");
        assert!(in_doubt(0.0, 100, 1.0, 1.0) && !in_doubt(0.0, 100, 0.0, 0.0));
    }
}
