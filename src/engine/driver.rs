//! The driver of every pass over rows: each lane takes a tile, reads its rows, computes on the device, and hands the result
//! to the reducer.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::backend::{Backend, Job, Lane, TileRows, Tiling};
use crate::base::error::Result;
use crate::engine::progress::{Progress, StageProgress};
use crate::engine::tile_pipeline::{TilePipeline, TileSource, run_lanes};

/// What lanes do with the tiles of a pass. They do it in parallel, without the pipeline's lock.
pub trait TileWork<S: TileSource>: Sync {
    /// Memory that a lane reuses for all its tiles.
    type Scratch: Default;

    /// Prepares a tile and returns how many rows to read. With 0, the tile is reduced without `read` and `compute`.
    fn prepare(&self, tile: &mut S::Tile) -> usize;

    /// The tile's rows, by their numbers in the input of the pass.
    fn rows<'t>(&self, tile: &'t S::Tile) -> TileRows<'t>;

    /// Reads the rows `rows` of the tile into `out`, `[rows, row bytes]`. Called for ascending ranges that make up the tile.
    ///
    /// # Errors
    /// Errors of the row source.
    fn read(&self, tile: &mut S::Tile, rows: Range<usize>, out: &mut [u8]) -> Result<()>;

    /// Computes the tile's result from the rows, which have been uploaded. Long work calls `check` from time to time.
    ///
    /// # Errors
    /// Device errors, and those of `check`.
    fn compute(
        &self,
        lane: &mut dyn Lane,
        tile: &mut S::Tile,
        scratch: &mut Self::Scratch,
        check: &dyn Fn() -> Result<()>,
    ) -> Result<()>;

    /// How far a tile advances the progress of the stage.
    fn units(&self, tile: &S::Tile) -> u64;

    /// Called after each result is handed over, without the lock. The place for checkpoints.
    fn after_put(&self, _pipeline: &TilePipeline<S>) {}
}

/// Drives one pass.
pub struct Driver<'a, 'j> {
    /// The device.
    pub backend: &'j dyn Backend,
    /// What the device computes.
    pub job: &'j Job<'j>,
    /// Rows per tile, and number of lanes.
    pub tiling: Tiling,
    /// Can cancel the run.
    pub watch: &'a dyn Progress,
    /// Receives the progress of this stage.
    pub progress: &'a dyn StageProgress,
}

/// Outcome of a pass.
pub struct Driven<S> {
    /// The reducer. After a failure it holds a prefix of the tiles.
    pub reducer: S,
    /// The first failure.
    pub outcome: Result<()>,
    /// Seconds spent reading, summed over the lanes.
    pub read_seconds: f64,
    /// Seconds spent uploading and computing, summed over the lanes.
    pub compute_seconds: f64,
}

#[derive(Default)]
struct Clocks {
    read: AtomicU64,
    compute: AtomicU64,
}

impl Driver<'_, '_> {
    /// Runs the pass. The reducer's bits depend on input, device and tile size, not on timing.
    pub fn run<S: TileSource, W: TileWork<S>>(&self, reducer: S, work: &W) -> Driven<S> {
        let clocks = Clocks::default();
        let (reducer, outcome) = run_lanes(self.tiling.lanes, reducer, |pipeline| self.drive(pipeline, work, &clocks));
        Driven { reducer, outcome, read_seconds: seconds(&clocks.read), compute_seconds: seconds(&clocks.compute) }
    }

    /// The life of one lane. Its buffers are allocated once it has rows to read.
    fn drive<S: TileSource, W: TileWork<S>>(
        &self,
        pipeline: &TilePipeline<S>,
        work: &W,
        clocks: &Clocks,
    ) -> Result<()> {
        let check = || pipeline.check(self.watch.cancelled());
        let mut lane = None;
        let mut scratch = W::Scratch::default();
        while let Some((index, mut tile)) = pipeline.take(self.tiling.tile_rows) {
            check()?;
            let rows = work.prepare(&mut tile);
            if rows > 0 {
                let lane = match &mut lane {
                    Some(lane) => lane,
                    None => lane.insert(self.backend.lane(self.job, self.tiling)?),
                };
                let started = Instant::now();
                let recalled = self.job.kept.is_some() && lane.announce(work.rows(&tile))?;
                let mut reading = Duration::ZERO;
                if !recalled {
                    lane.fill(rows, &mut |rows, out| {
                        let started = Instant::now();
                        let read = work.read(&mut tile, rows, out);
                        reading += started.elapsed();
                        read
                    })?;
                }
                work.compute(lane.as_mut(), &mut tile, &mut scratch, &check)?;
                clocks.read.fetch_add(nanos(reading), Ordering::Relaxed);
                clocks.compute.fetch_add(nanos(started.elapsed() - reading), Ordering::Relaxed);
            }
            let units = work.units(&tile);
            pipeline.put(index, tile);
            self.progress.advance(units);
            work.after_put(pipeline);
        }
        Ok(())
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn seconds(nanos: &AtomicU64) -> f64 {
    Duration::from_nanos(nanos.load(Ordering::Relaxed)).as_secs_f64()
}
