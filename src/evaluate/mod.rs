//! The main loop: one pass over the embeddings serves all levels.
//!
//! Every lane of the backend is driven by one thread that takes the next tile, reads it, has it computed and hands the
//! result over. Results enter the sums in the order of the tiles, whichever lane is faster, so that a run's bits do
//! not depend on timing.

mod order;
mod queue;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::backend::{Backend, Job, Lane, TileObservation, Tiling};
use crate::error::{Error, Finding, Kind, Result};
use crate::input::embeddings::Embeddings;
use crate::input::hierarchy::Hierarchy;
use crate::partials::ClusterSums;
use order::{InOrder, TileResult};
use queue::{Matrix, Queue, Task};

/// How long reading goes on after the first non-finite row, so that the refusal can tell how many there are.
const COUNT_NONFINITE: Duration = Duration::from_secs(10);

/// What to do with rows that hold a NaN or an infinity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Nonfinite {
    /// Refuse the embeddings.
    #[default]
    Refuse,
    /// Leave those rows out of every figure and say so.
    Skip,
}

/// Everything the main loop needs.
pub struct Evaluation<'a> {
    /// The rows.
    pub embeddings: &'a Embeddings,
    /// The labels and the stored centroids.
    pub hierarchy: &'a Hierarchy,
    /// Indices (0-based) of the levels to evaluate, ascending.
    pub levels: &'a [usize],
    /// The device.
    pub backend: &'a dyn Backend,
    /// What the device was told to do.
    pub job: &'a Job<'a>,
    /// How the device wants the rows cut.
    pub tiling: Tiling,
    /// What to do with NaN and infinities.
    pub nonfinite: Nonfinite,
    /// Who hears of progress, and may stop the run.
    pub watch: &'a dyn Watch,
}

/// Where every row's distances go: one entry per evaluated level, or none where they are not wanted.
#[derive(Default)]
pub struct DistanceSinks<'a> {
    /// Distance to the own centroid, `[n]`; NaN without a label.
    pub own: Vec<&'a mut [f32]>,
    /// Distances to all centroids, `[n, k]`.
    pub all: Vec<&'a mut [f32]>,
}

/// Hears of progress, and may stop the run.
pub trait Watch: Sync {
    /// So many more rows are done.
    fn advance(&self, rows: u64);
    /// Whether the run is to stop.
    fn cancelled(&self) -> bool;
}

/// What the pass found.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluated {
    /// Sums per cluster, one entry per evaluated level.
    pub sums: Vec<ClusterSums>,
    /// Rows left out because they hold a NaN or an infinity.
    pub skipped: u64,
    /// The first few of them.
    pub first_skipped: Vec<u64>,
    /// Seconds that lanes spent reading, added up over the lanes.
    pub read_seconds: f64,
    /// Seconds that lanes spent on the device's work, added up over the lanes.
    pub compute_seconds: f64,
}

impl Evaluation<'_> {
    /// Runs the pass. The sums' bits depend on input, device and tile size, not on timing.
    pub fn run(&self, sinks: DistanceSinks<'_>) -> Result<Evaluated> {
        let sums = self.levels.iter().map(|&l| ClusterSums::identity(self.hierarchy.k(l))).collect();
        let run = Run {
            queue: Mutex::new(Queue::new(self.embeddings.rows(), self.tiling.tile_rows, sinks)),
            results: InOrder::new(sums, self.levels.to_vec(), self.tiling.lanes),
            failed: AtomicBool::new(false),
            read_nanos: AtomicU64::new(0),
            compute_nanos: AtomicU64::new(0),
        };
        let outcomes: Vec<Result<()>> = std::thread::scope(|scope| {
            let drive = || {
                let alarm = Alarm(&run);
                self.drive(&run)?;
                std::mem::forget(alarm);
                Ok(())
            };
            let lanes: Vec<_> = (0..self.tiling.lanes.max(1)).map(|_| scope.spawn(drive)).collect();
            lanes.into_iter().map(|lane| lane.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        });
        // the lanes that only heard of the failure say that they were interrupted: what happened comes first
        let failures = outcomes.into_iter().filter_map(Result::err);
        if let Some(error) = failures.min_by_key(|error| error.kind() == Kind::Interrupted) {
            return Err(error);
        }
        self.finish(&run)
    }

    /// One lane's life: open, then tile after tile.
    fn drive(&self, run: &Run<'_>) -> Result<()> {
        let mut lane = self.backend.lane(self.job, self.tiling)?;
        let mut block = Vec::new();
        // asked before a tile is taken: one that is taken and not put would leave the others waiting for it
        while !self.counted_enough(run)
            && let Some(task) = run.next_task()
        {
            self.go_on(run)?;
            let rows = task.rows as u64;
            let index = task.index;
            let mut result = run.results.blank(self.levels.last().map_or(0, |&top| top + 1));
            let matrix = self.evaluate_tile(lane.as_mut(), task, &mut result, run)?;
            matrix.fill(lane.as_mut(), self.job, &mut block, &|| self.go_on(run))?;
            run.results.put(index, result);
            self.watch.advance(rows);
        }
        Ok(())
    }

    /// Fails when the user or another lane's failure wants the run to end.
    fn go_on(&self, run: &Run<'_>) -> Result<()> {
        if self.watch.cancelled() || run.failed.load(Ordering::Relaxed) { Err(Error::interrupted()) } else { Ok(()) }
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
        if result.labels[0].iter().all(|&label| label == crate::backend::UNLABELLED) && !task.wants_all() {
            // rows outside the subset: nothing to read
            result.observation = TileObservation::default();
            result.observation.levels.resize_with(self.levels.len(), Default::default);
            return Ok(task.unlabelled());
        }
        let started = Instant::now();
        self.embeddings.read_rows(task.first_row, lane.staging(task.rows))?;
        let read = Instant::now();
        lane.upload()?;
        let labels: Vec<&[u32]> = self.levels.iter().map(|&level| result.labels[level].as_slice()).collect();
        lane.own_distances(&labels, &mut result.observation)?;
        let matrix = task.keep(&result.observation);
        run.read_nanos.fetch_add(nanos(read - started), Ordering::Relaxed);
        run.compute_nanos.fetch_add(nanos(read.elapsed()), Ordering::Relaxed);
        Ok(matrix)
    }

    fn counted_enough(&self, run: &Run<'_>) -> bool {
        self.nonfinite == Nonfinite::Refuse
            && run.results.nonfinite_since().is_some_and(|t| t.elapsed() > COUNT_NONFINITE)
    }

    fn finish(&self, run: &Run<'_>) -> Result<Evaluated> {
        let (sums, bad, rows_seen) = run.results.finish();
        if bad.count > 0 && self.nonfinite == Nonfinite::Refuse {
            let first: Vec<String> = bad.first.iter().map(u64::to_string).collect();
            let file = &self.embeddings.file_of(bad.first[0]).path;
            let more = if bad.count > bad.first.len() as u64 { ", ..." } else { "" };
            let finding = Finding::new("the embeddings hold NaN or infinite values")
                .file(file)
                .expected("finite values in every row that has a label")
                .found(format!("{} such rows among the {rows_seen} read: {}{more}", bad.count, first.join(", ")))
                .hint("repair those rows, or leave them out of every figure with --nonfinite skip");
            return Err(Error::input(finding));
        }
        Ok(Evaluated {
            sums,
            skipped: bad.count,
            first_skipped: bad.first,
            read_seconds: seconds(&run.read_nanos),
            compute_seconds: seconds(&run.compute_nanos),
        })
    }
}

/// What the lanes share.
struct Run<'a> {
    queue: Mutex<Queue<'a>>,
    results: InOrder,
    failed: AtomicBool,
    read_nanos: AtomicU64,
    compute_nanos: AtomicU64,
}

/// Tells the other lanes when one ends before its time, by an error or by a panic: they would wait for its tile for ever.
struct Alarm<'r, 'a>(&'r Run<'a>);

impl Drop for Alarm<'_, '_> {
    fn drop(&mut self) {
        self.0.failed.store(true, Ordering::Relaxed);
        self.0.results.abandon();
    }
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
