//! Passes over points.

use std::ops::Range;

use super::tile::Tile;
use crate::backend::{Backend, Job, Lane, TileRows};
use crate::base::error::Result;
use crate::base::numeric::to_u32;
use crate::engine::driver::{Driven, Driver, TileWork};
use crate::engine::points::{Points, is_in_range};
use crate::engine::progress::{Progress, StageProgress};
use crate::engine::tile_pipeline::TileSource;
use crate::formats::embeddings::was_zero;

/// One pass over points.
pub(super) struct Pass<'a> {
    pub(super) points: &'a dyn Points,
    /// The device.
    pub(super) backend: &'a dyn Backend,
    /// What the device computes.
    pub(super) job: &'a Job<'a>,
    /// Whether to look for points with a NaN, an infinity or a value beyond float32.
    pub(super) checks_finite: bool,
    /// Can cancel the run.
    pub(super) watch: &'a dyn Progress,
    /// Receives the progress of this stage.
    pub(super) progress: &'a dyn StageProgress,
    /// Units of progress per point.
    pub(super) units: u64,
}

impl Pass<'_> {
    /// Calls `compute` for every tile with points to read, and reduces all tiles. After a failure, the reducer holds a
    /// prefix of the tiles.
    pub(super) fn run<S: TileSource<Tile = Tile>>(
        &self,
        reducer: S,
        compute: impl Fn(&mut dyn Lane, &mut Tile) -> Result<()> + Sync,
    ) -> (S, Result<()>) {
        let tiling = match self.backend.tiling(self.job) {
            Ok(tiling) => tiling,
            Err(error) => return (reducer, Err(error)),
        };
        let Pass { backend, job, watch, progress, .. } = *self;
        let driver = Driver { backend, job, tiling, watch, progress };
        let Driven { reducer, outcome, .. } = driver.run(reducer, &Work { pass: self, compute });
        (reducer, outcome)
    }
}

struct Work<'p, 'a, C> {
    pass: &'p Pass<'a>,
    compute: C,
}

impl<S, C> TileWork<S> for Work<'_, '_, C>
where
    S: TileSource<Tile = Tile>,
    C: Fn(&mut dyn Lane, &mut Tile) -> Result<()> + Sync,
{
    type Scratch = ();

    fn prepare(&self, tile: &mut Tile) -> usize {
        tile.positions.len()
    }

    fn rows<'t>(&self, tile: &'t Tile) -> TileRows<'t> {
        TileRows::of(&tile.positions)
    }

    fn read(&self, tile: &mut Tile, rows: Range<usize>, out: &mut [u8]) -> Result<()> {
        let points = self.pass.points;
        match tile.positions[rows.clone()] {
            [first, .., last] if last - first == rows.len() as u64 - 1 => points.read(first, out)?,
            ref positions => points.gather(positions, out)?,
        }
        if self.pass.checks_finite {
            // the rows are in cache, so this costs less than having the device look for them
            let rows = (to_u32(rows.start)..).zip(out.chunks_exact(points.row_bytes().max(1)));
            let nonfinite = rows.filter(|(_, row)| !is_in_range(points.dtype(), row));
            for (number, row) in nonfinite {
                tile.nonfinite.push(number);
                tile.zeros += u64::from(was_zero(points.dtype(), row));
            }
        }
        Ok(())
    }

    fn compute(&self, lane: &mut dyn Lane, tile: &mut Tile, _: &mut (), _: &dyn Fn() -> Result<()>) -> Result<()> {
        (self.compute)(lane, tile)
    }

    fn units(&self, tile: &Tile) -> u64 {
        (tile.covers.end - tile.covers.start) * self.pass.units
    }
}

/// Searches the nearest two centroids of every finite point of a tile.
pub(super) fn search_finite(lane: &mut dyn Lane, tile: &mut Tile) -> Result<()> {
    tile.label_finite();
    lane.top2(0, &tile.labels, &mut tile.nearest)
}
