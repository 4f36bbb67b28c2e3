//! One pass over the embeddings serves all levels.
//!
//! Every lane of the backend is driven by one thread that takes the next tile, reads it, has it computed and hands the
//! result over. Results enter the sums in the order of the tiles, whichever lane is faster, so that a run's bits do
//! not depend on timing.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::order::{Collected, TileResult};
use super::queue::{Matrix, Queue, Task};
use super::{DistanceSinks, Nonfinite};
use crate::backend::{Backend, Job, Lane, TileObservation, Tiling, UNLABELLED};
use crate::base::error::{Error, Finding, Result};
use crate::engine::checkpoint::{self, CheckpointStore, Stage};
use crate::engine::partials::{ClusterSums, Counts, PointSums, RowSums};
use crate::engine::progress::{Progress, StageProgress};
use crate::engine::tile_pipeline::{self, TilePipeline};
use crate::formats::embeddings::Embeddings;
use crate::formats::hierarchy::Hierarchy;

/// How long reading goes on after the first non-finite row, so that the refusal can tell how many there are.
const COUNT_NONFINITE: Duration = Duration::from_secs(10);

/// How many of them are named.
pub(super) const NAMED_ROWS: usize = 10;

/// Everything that a pass needs.
pub(super) struct Pass<'a, 'j> {
    pub(super) embeddings: &'a Embeddings,
    pub(super) hierarchy: &'a Hierarchy,
    /// Indices (0-based) of the levels to evaluate, ascending.
    pub(super) levels: &'a [usize],
    /// Rows to go over.
    pub(super) rows: Range<u64>,
    pub(super) backend: &'j dyn Backend,
    pub(super) job: &'j Job<'j>,
    pub(super) tiling: Tiling,
    pub(super) nonfinite: Nonfinite,
    /// Who may stop the run.
    pub(super) watch: &'a dyn Progress,
    /// Who hears of rows that are done.
    pub(super) progress: &'a dyn StageProgress,
    /// Who keeps what is found.
    pub(super) checkpoints: &'a dyn CheckpointStore,
    /// As what it is kept.
    pub(super) stage: Stage,
}

/// What a pass found, and the seconds that lanes spent reading and on the device's work, added up over the lanes.
pub(super) struct Passed {
    pub(super) found: RowSums,
    pub(super) read_seconds: f64,
    pub(super) compute_seconds: f64,
}

impl Pass<'_, '_> {
    /// Runs the pass, or what an earlier one has left of it. The sums' bits depend on input, device and tile size, not on
    /// timing. `sinks` are for all of its rows.
    pub(super) fn run(&self, mut sinks: DistanceSinks<'_>) -> Result<Passed> {
        let found = match self.checkpoints.load_rows(self.stage)? {
            Some(found) => found,
            None => self.nothing()?,
        };
        let done = found.rows.end - self.rows.start;
        self.progress.advance(done);
        self.refuse_nonfinite(&found)?;
        if found.rows.end == self.rows.end {
            return Ok(Passed { found, read_seconds: 0.0, compute_seconds: 0.0 });
        }
        sinks.skip(done, self.rows.end - self.rows.start);
        let run = Run {
            queue: Mutex::new(Queue::new(found.rows.end..self.rows.end, self.tiling.tile_rows, sinks)),
            read_nanos: AtomicU64::new(0),
            compute_nanos: AtomicU64::new(0),
        };
        let collected = Collected::new(self, found);
        let (Collected { found, .. }, outcome) =
            tile_pipeline::work(self.tiling.lanes, collected, |crew| self.drive(&run, crew));
        let (read_seconds, compute_seconds) = (seconds(&run.read_nanos), seconds(&run.compute_nanos));
        if let Err(error) = outcome {
            self.refuse_nonfinite(&found)?;
            return Err(checkpoint::stopped(error, self.checkpoints, || {
                self.checkpoints.store_rows(self.stage, &found)
            }));
        }
        self.refuse_nonfinite(&found)?;
        self.checkpoints.store_rows(self.stage, &found)?;
        Ok(Passed { found, read_seconds, compute_seconds })
    }

    /// Before the first row.
    fn nothing(&self) -> Result<RowSums> {
        let points = match self.job.sums {
            true => Some(PointSums::identity(self.hierarchy.k(self.levels[0]), self.job.dim).ok_or_else(no_memory)?),
            false => None,
        };
        Ok(RowSums {
            rows: self.rows.start..self.rows.start,
            sums: self.levels.iter().map(|&level| ClusterSums::identity(self.hierarchy.k(level))).collect(),
            points,
            skipped: Vec::new(),
            counts: Counts::default(),
        })
    }

    /// One lane's life: open, then tile after tile.
    fn drive(&self, run: &Run<'_>, crew: &TilePipeline<Collected<'_>>) -> Result<()> {
        let mut lane = self.backend.lane(self.job, self.tiling)?;
        let mut block = Vec::new();
        // asked before a tile is taken: one that is taken and not put would leave the others waiting for it
        while !self.counted_enough(crew)
            && let Some(task) = run.next_task()
        {
            self.go_on(crew)?;
            let rows = task.rows as u64;
            let index = task.index;
            let mut result = crew.blank();
            result.labels.resize_with(self.levels.last().map_or(0, |&top| top + 1), Vec::new);
            let matrix = self.evaluate_tile(lane.as_mut(), task, &mut result, run)?;
            matrix.fill(lane.as_mut(), self.job, &mut block, &|| self.go_on(crew))?;
            crew.put(index, result);
            self.progress.advance(rows);
        }
        Ok(())
    }

    /// Fails when the user or another lane's failure wants the run to end.
    fn go_on(&self, crew: &TilePipeline<Collected<'_>>) -> Result<()> {
        crew.go_on(self.watch.cancelled())
    }

    /// Labels, own distances and sums of one tile; what is left to do is its part of the full matrix.
    fn evaluate_tile<'t>(
        &self,
        lane: &mut dyn Lane,
        task: Task<'t>,
        result: &mut TileResult,
        run: &Run<'_>,
    ) -> Result<Matrix<'t>> {
        result.first_row = task.first_row;
        self.hierarchy.label_tile(task.first_row, task.rows, &mut result.labels);
        if result.labels[0].iter().all(|&label| label == UNLABELLED) && !task.wants_all() {
            // rows outside the subset: nothing to read
            result.observation = TileObservation::default();
            result.observation.levels.resize_with(self.levels.len(), Default::default);
            result.nearest.clear();
            result.groups.clusters.clear();
            return Ok(task.unlabelled());
        }
        let started = Instant::now();
        self.embeddings.read_rows(task.first_row, lane.staging(task.rows))?;
        let read = Instant::now();
        lane.upload()?;
        let labels: Vec<&[u32]> = self.levels.iter().map(|&level| result.labels[level].as_slice()).collect();
        lane.own_distances(&labels, &mut result.observation)?;
        self.look_around(lane, result)?;
        let matrix = task.keep(&result.observation);
        run.read_nanos.fetch_add(nanos(read - started), Ordering::Relaxed);
        run.compute_nanos.fetch_add(nanos(read.elapsed()), Ordering::Relaxed);
        Ok(matrix)
    }

    /// The nearest centroids and the sums of the points, where they are wanted.
    fn look_around(&self, lane: &mut dyn Lane, result: &mut TileResult) -> Result<()> {
        let TileResult { labels, observation, nearest, groups, .. } = result;
        // neither operation may see a row that is left out; its label is of no use any more
        for &row in &observation.nonfinite {
            labels.iter_mut().for_each(|level| level[row as usize] = UNLABELLED);
        }
        nearest.resize_with(self.job.searched.len(), Vec::new);
        for (index, nearest) in nearest.iter_mut().enumerate() {
            if self.job.searched[index].is_empty() {
                // no row has a cluster that has points
                nearest.clear();
                continue;
            }
            lane.top2(index, &labels[self.levels[index]], nearest)?;
        }
        if self.job.sums {
            lane.cluster_sums(&labels[self.levels[0]], groups)?;
        }
        Ok(())
    }

    fn counted_enough(&self, crew: &TilePipeline<Collected<'_>>) -> bool {
        let since = || crew.look(|collected| collected.nonfinite_since);
        self.nonfinite == Nonfinite::Refuse && since().is_some_and(|since| since.elapsed() > COUNT_NONFINITE)
    }

    fn refuse_nonfinite(&self, found: &RowSums) -> Result<()> {
        let bad = &found.skipped;
        let (Some(&first), Nonfinite::Refuse) = (bad.first(), self.nonfinite) else { return Ok(()) };
        let named: Vec<String> = bad.iter().take(NAMED_ROWS).map(u64::to_string).collect();
        let more = if bad.len() > NAMED_ROWS { ", ..." } else { "" };
        let read = found.rows.end - found.rows.start;
        let finding = Finding::new("the embeddings hold NaN or infinite values")
            .file(&self.embeddings.file_of(first).path)
            .expected("finite values in every row that has a label")
            .found(format!("{} such rows among the {read} read: {}{more}", bad.len(), named.join(", ")))
            .hint("repair those rows, or leave them out of every figure with --nonfinite skip");
        Err(Error::input(finding))
    }
}

/// The sums of points need k x d float64.
pub(super) fn no_memory() -> Error {
    Error::failed(
        Finding::new("the means of the clusters do not fit into memory")
            .expected("room for clusters x columns of float64")
            .hint("leave the figures that go by the means out: --metrics fast, or name others"),
    )
}

/// What the lanes share.
struct Run<'a> {
    queue: Mutex<Queue<'a>>,
    read_nanos: AtomicU64,
    compute_nanos: AtomicU64,
}

impl<'a> Run<'a> {
    /// The next tile. A method, so that the lock is let go before the tile is worked on.
    fn next_task(&self) -> Option<Task<'a>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).next()
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn seconds(nanos: &AtomicU64) -> f64 {
    Duration::from_nanos(nanos.load(Ordering::Relaxed)).as_secs_f64()
}
