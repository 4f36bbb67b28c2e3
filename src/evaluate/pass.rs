//! One pass over this process's rows, for all evaluated levels at once.

use std::ops::Range;
use std::sync::{Mutex, TryLockError};

use super::collector::{Collector, Tile};
use super::evaluation::{Evaluation, Nonfinite};
use super::sinks::DistanceSinks;
use super::{lifted, nonfinite};
use crate::backend::{Job, Lane, TileRows, Tiling, UNLABELLED};
use crate::base::error::{Error, Finding, Result};
use crate::engine::checkpoint_store::{self, Stage};
use crate::engine::driver::{Driven, Driver, TileWork};
use crate::engine::partials::{ClusterSums, Counts, PointSums, RowSums};
use crate::engine::tile_pipeline::TilePipeline;

/// Sums of more bytes are not copied for a checkpoint but written under the pipeline's lock: a copy might not fit into
/// memory.
const COPIED_BYTES: usize = 1 << 30;

/// What one pass does.
pub(super) struct Pass<'r, 'a, 'j> {
    pub(super) run: &'r Evaluation<'a>,
    /// The stage whose checkpoints it stores.
    pub(super) stage: Stage,
    pub(super) job: &'j Job<'j>,
    pub(super) tiling: Tiling,
    pub(super) nonfinite: Nonfinite,
    /// Sizes of the clusters of each level, if the search is for cosine silhouettes among lifted means; else `None`.
    pub(super) sizes: Option<&'j [Vec<u64>]>,
}

impl<'a: 'j, 'j> Pass<'_, 'a, 'j> {
    /// Runs the pass, or resumes it from a checkpoint. The bits of the sums depend on input, device and tile size, not on
    /// timing. `sinks` are for all rows of this process.
    pub(super) fn run<'s>(&'s self, mut sinks: DistanceSinks<'s>) -> Result<RowSums> {
        let Pass { run, stage, .. } = *self;
        let rows = run.rows.end - run.rows.start;
        let progress = run.watch.start_stage(stage.name(), rows, run.embeddings.row_bytes() as u64);
        let started = run.clock.start();
        let found = match run.checkpoints.load_rows(stage)? {
            Some(found) => found,
            None => self.empty()?,
        };
        let done = found.rows.end - run.rows.start;
        progress.advance(done);
        self.refuse_nonfinite(&found)?;
        let is_first = stage == Stage::Distances;
        let name = if is_first { "evaluate" } else { stage.name() };
        let (found, read_seconds, compute_seconds) = if found.rows.end == run.rows.end {
            (found, 0.0, 0.0)
        } else {
            sinks.skip(done, rows);
            let collector =
                Collector::new(run, self.job, self.nonfinite, found, sinks, self.tiling.tile_rows, self.sizes);
            let driver = Driver {
                backend: run.backend,
                job: self.job,
                tiling: self.tiling,
                watch: run.watch,
                progress: progress.as_ref(),
            };
            let work = Work { pass: self, writing: Mutex::new(()) };
            let Driven { reducer, outcome, read_seconds, compute_seconds } = driver.run(collector, &work);
            (self.finish(reducer.found, outcome)?, read_seconds, compute_seconds)
        };
        run.clock.stop(name, started, true);
        if is_first {
            run.clock.add("evaluate.read", read_seconds);
            run.clock.add("evaluate.compute", compute_seconds);
        }
        Ok(found)
    }

    /// Stores what was found, complete or not.
    fn finish(&self, found: RowSums, outcome: Result<()>) -> Result<RowSums> {
        self.refuse_nonfinite(&found)?;
        let checkpoints = self.run.checkpoints;
        let store = || checkpoints.store_rows(self.stage, &found);
        if let Err(error) = outcome {
            return Err(checkpoint_store::store_before_pause(error, checkpoints, store));
        }
        store()?;
        Ok(found)
    }

    /// Sums over no rows.
    fn empty(&self) -> Result<RowSums> {
        let Evaluation { hierarchy, levels, ref rows, .. } = *self.run;
        let lowest = self.run.chains().into_iter().map(|chain| levels[chain.start]).filter(|_| self.job.sums);
        let points = lowest.map(|level| PointSums::identity(hierarchy.k(level), self.job.dim).ok_or_else(no_memory));
        let points = points.collect::<Result<_>>()?;
        Ok(RowSums {
            rows: rows.start..rows.start,
            sums: levels.iter().map(|&level| ClusterSums::identity(hierarchy.k(level))).collect(),
            points,
            skipped: Vec::new(),
            counts: Counts::default(),
        })
    }

    fn refuse_nonfinite(&self, found: &RowSums) -> Result<()> {
        let read = found.rows.end - found.rows.start;
        match self.nonfinite {
            Nonfinite::Refuse => nonfinite::refuse(self.run.embeddings, &found.skipped, read),
            Nonfinite::Skip => Ok(()),
        }
    }
}

/// What the lanes do with the tiles of a pass.
struct Work<'p, 'r, 'a, 'j> {
    pass: &'p Pass<'r, 'a, 'j>,
    /// Held while a checkpoint is written, so that checkpoints replace each other in the order of the rows.
    writing: Mutex<()>,
}

impl<'s> TileWork<Collector<'s>> for Work<'_, '_, '_, '_> {
    /// A block of the full matrix.
    type Scratch = Vec<f32>;

    /// Labels the tile. A tile without assigned points is not read.
    fn prepare(&self, tile: &mut Tile<'s>) -> usize {
        let run = self.pass.run;
        tile.excess.clear();
        tile.labels.resize_with(run.levels.last().map_or(0, |&top| top + 1), Vec::new);
        run.hierarchy.label_tile(tile.first_row, tile.rows, &mut tile.labels);
        let mut lowest = run.chains().into_iter().map(|chain| &tile.labels[run.levels[chain.start]]);
        if tile.sinks.wants_all() || lowest.any(|labels| labels.iter().any(|&label| label != UNLABELLED)) {
            return tile.rows;
        }
        tile.observation = Default::default();
        tile.observation.levels.resize_with(run.levels.len(), Default::default);
        tile.nearest.clear();
        tile.groups.clear();
        tile.sinks.fill_unassigned();
        0
    }

    fn rows<'t>(&self, tile: &'t Tile<'s>) -> TileRows<'t> {
        // numbers count from the first row of this process, since only its rows are kept
        let first = tile.first_row - self.pass.run.rows.start;
        TileRows::Range(first..first + tile.rows as u64)
    }

    fn read(&self, tile: &mut Tile<'s>, rows: Range<usize>, out: &mut [u8]) -> Result<()> {
        let Pass { run, stage, sizes, .. } = *self.pass;
        let embeddings = run.embeddings;
        let first = tile.first_row + rows.start as u64;
        if sizes.is_some() {
            return lifted::read_rows(embeddings, first, out);
        }
        embeddings.read_rows(first, out)?;
        if stage == Stage::Distances && run.wanted.cosine {
            lifted::excesses(embeddings.dtype(), embeddings.dim(), out, &mut tile.excess);
        }
        Ok(())
    }

    fn compute(
        &self,
        lane: &mut dyn Lane,
        tile: &mut Tile<'s>,
        block: &mut Vec<f32>,
        check: &dyn Fn() -> Result<()>,
    ) -> Result<()> {
        let labels: Vec<&[u32]> = self.pass.run.levels.iter().map(|&level| tile.labels[level].as_slice()).collect();
        lane.own_distances(&labels, &mut tile.observation)?;
        self.search_and_sum(lane, tile)?;
        let scale = self.pass.run.embeddings.scale();
        tile.sinks.fill_own(&tile.observation, scale);
        let labels = self.pass.run.levels.iter().map(|&level| tile.labels[level].as_slice());
        tile.sinks.fill_searched(labels, &tile.observation, &tile.nearest, &self.pass.job.searched, scale);
        tile.sinks.fill_all(tile.rows, lane, self.pass.job, block, check)?;
        tile.sinks.restore_all(scale);
        Ok(())
    }

    fn units(&self, tile: &Tile<'s>) -> u64 {
        tile.rows as u64
    }

    /// Writes a checkpoint if one is due. The complete result is stored once it has been checked.
    fn after_put(&self, pipeline: &TilePipeline<Collector<'s>>) {
        let Pass { run, stage, .. } = *self.pass;
        if !run.checkpoints.due() {
            return;
        }
        let _writing = match self.writing.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        // another lane may have written one since
        if !run.checkpoints.due() {
            return;
        }
        let store = |found: &RowSums| checkpoint_store::warn_if_failed(run.checkpoints.store_rows(stage, found));
        let copy = pipeline.look(|collector| {
            let found = &collector.found;
            if found.rows.end == run.rows.end || collector.is_refused() {
                return None;
            }
            if found.bytes() > COPIED_BYTES {
                store(found);
                return None;
            }
            Some(found.clone())
        });
        if let Some(copy) = copy {
            store(&copy);
        }
    }
}

impl Work<'_, '_, '_, '_> {
    /// The top-2 search and the sums of the points, if they are wanted.
    fn search_and_sum(&self, lane: &mut dyn Lane, tile: &mut Tile<'_>) -> Result<()> {
        let Pass { run, job, .. } = *self.pass;
        let Tile { labels, observation, nearest, groups, .. } = tile;
        // neither operation may see a skipped row; its label is not needed any more
        for &row in &observation.nonfinite {
            labels.iter_mut().for_each(|level| level[row as usize] = UNLABELLED);
        }
        nearest.resize_with(job.searched.len(), Vec::new);
        for (index, nearest) in nearest.iter_mut().enumerate() {
            if job.searched[index].is_empty() {
                // all clusters are empty
                nearest.clear();
                continue;
            }
            lane.top2(index, &labels[run.levels[index]], nearest)?;
        }
        if job.sums {
            let chains = run.chains();
            groups.resize_with(chains.len(), Default::default);
            for (chain, groups) in chains.into_iter().zip(groups) {
                lane.cluster_sums(&labels[run.levels[chain.start]], groups)?;
            }
        }
        Ok(())
    }
}

/// The sums of the points need k x d float64.
pub(super) fn no_memory() -> Error {
    Error::failed(
        Finding::new("the means of the clusters do not fit into memory")
            .expected("room for clusters x columns of float64")
            .hint("leave out the metrics that need the means: use --metrics fast, or list others"),
    )
}
