//! Compares all outer points with all inner points, on all lanes.
//!
//! The work is cut into steps. After each step, the running sums of all blocks are consistent and can be stored.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::block::{Block, Pairs};
use super::order::Order;
use super::points::Source;
use super::recompute::{self, Rows};
use super::share_out::share_out;
use crate::backend::{DistanceSums, DistanceTiling, PointSet};
use crate::base::error::{Error, Result};
use crate::base::numeric::to_usize;
use crate::engine::checkpoint_store::{self, Stage};
use crate::engine::partials::{Counts, OuterSums, StepCut};
use crate::engine::progress::StageProgress;
use crate::evaluate::Evaluation;

/// Bytes of inner points held at once if the outer points are a sample: hundreds of tiles, and little beside what a program
/// takes anyway.
const WINDOW_BYTES: usize = 128 << 20;

/// Maximum distances per step if the outer points are a sample: seconds of work on any device.
const WINDOW_PAIRS: usize = 1 << 31;

/// Maximum bytes of sums per inner tile, over all blocks.
const ROWS_BYTES: usize = 64 << 20;

/// Silhouettes at `share` (indices) of the `taken` places, or of all places, in order, per evaluated level.
pub(super) fn run<'e>(
    run: &Evaluation<'e>,
    stage: Stage,
    order: &Order,
    source: Source<'_, 'e>,
    taken: Option<&[u32]>,
    share: Range<usize>,
) -> Result<OuterSums> {
    let kept = run.checkpoints.load_outer(stage)?;
    if let Some(complete) = kept.as_ref().filter(|kept| kept.is_complete()) {
        return Ok(complete.clone());
    }
    let progress = run.watch.start_stage(stage.name(), share.len() as u64 * order.len() as u64, 0);
    let pairs = AtomicU64::new(kept.as_ref().map_or(0, |kept| kept.counts.pairs));
    let comparison = Comparison {
        run,
        stage,
        order,
        source,
        progress: progress.as_ref(),
        share,
        sampled: taken.is_some(),
        kept,
        pairs,
    };
    let blocks = match taken {
        _ if comparison.share.is_empty() => Vec::new(),
        Some(taken) => comparison.sample(&taken[comparison.share.clone()])?,
        None => comparison.all_points()?,
    };
    let of_level = |level| blocks.iter().flat_map(|block| block.silhouettes(order, level)).collect();
    let values = (0..order.levels()).map(of_level).collect();
    let found = OuterSums { values, running: Vec::new(), ..comparison.snapshot(StepCut::default(), 0, &[]) };
    run.checkpoints.store_outer(stage, &found)?;
    Ok(found)
}

struct Comparison<'a, 'e> {
    run: &'a Evaluation<'e>,
    /// The stage whose checkpoints it stores.
    stage: Stage,
    order: &'a Order,
    source: Source<'a, 'e>,
    progress: &'a dyn StageProgress,
    /// This process's outer points (indices).
    share: Range<usize>,
    /// Whether the outer points are a sample.
    sampled: bool,
    /// The checkpoint of an interrupted run.
    kept: Option<OuterSums>,
    /// Number of distances computed.
    pairs: AtomicU64,
}

/// Points in memory, and how they map to places of the order.
struct Held {
    points: PointSet,
    /// Places of the inner points.
    inner: Range<usize>,
    /// Index of the first inner point.
    first: usize,
}

impl Comparison<'_, '_> {
    /// Compares this process's share of all points with all points, which are in memory at once.
    fn all_points(&self) -> Result<Vec<Block>> {
        let all = 0..self.order.len();
        let mut points = self.source.no_points();
        self.source.window(self.order, (&[], all.clone()), &mut points, false)?;
        let mut tiling = self.run.backend.distance_tiling(&points);
        // with several processes, another process computes the other direction of a pair
        tiling.symmetric &= self.share == all;
        let tiling = if tiling.symmetric { self.aligned(tiling) } else { tiling };
        let places: Vec<u32> = (0..).take(all.len()).skip(self.share.start).take(self.share.len()).collect();
        let held = Held { points, inner: all, first: 0 };
        let (cut, blocks) = match tiling.symmetric {
            true => self.once(&held, tiling, &places)?,
            false => self.point_by_point(&held, tiling, &places)?,
        };
        let dim = held.points.dim;
        let values = |places: Range<usize>| {
            let within = places.start * dim..places.end * dim;
            Ok(match held.points.exact.get(within.clone()) {
                Some(exact) if !held.points.exact.is_empty() => Rows::Double(Cow::Borrowed(exact)),
                _ => Rows::Single(&held.points.values[within]),
            })
        };
        self.recompute(&blocks, values).map_err(|error| self.stopped(error, cut, self.steps(cut), &blocks))?;
        Ok(unlocked(blocks))
    }

    /// Compares each of the points `places` with all points in memory. A step is one point, so that finished steps stay valid
    /// when another device cuts the rest differently.
    fn point_by_point(
        &self,
        held: &Held,
        tiling: DistanceTiling,
        places: &[u32],
    ) -> Result<(StepCut, Vec<Mutex<Block>>)> {
        let cut = StepCut { points: 1, symmetric: false };
        let (done, left) = places.split_at(self.done(cut));
        let mut blocks = self.blocks(done, tiling);
        let first = blocks.len();
        blocks.extend(self.blocks(left, tiling));
        self.restore(cut, &blocks);
        let mut lanes = self.lanes(&held.points, tiling)?;
        let step = lanes.len();
        let mut points = done.len();
        for some in (first..blocks.len()).step_by(step).map(|at| at..(at + step).min(blocks.len())) {
            points += some.clone().map(|number| locked(&blocks[number]).places().len()).sum::<usize>();
            self.against_all(held, tiling, &blocks, some, &mut lanes, |block, _| block.places().to_vec())?;
            self.after_step(cut, points, &blocks)?;
        }
        Ok((cut, blocks))
    }

    /// Compares a sample with all points, window by window. In memory, the sample precedes the window.
    fn sample(&self, taken: &[u32]) -> Result<Vec<Block>> {
        let rows: Vec<u64> = taken.iter().map(|&place| self.order.row(place)).collect();
        let mut points = self.source.no_points();
        self.source.append(&rows, &mut points)?;
        let mut coarse = false;
        let (dim, length) = (points.dim, points.values.len());
        let window = (WINDOW_BYTES / (4 * dim)).min(WINDOW_PAIRS / taken.len().max(1)).max(4096);
        let cut = StepCut { points: window, symmetric: false };
        let mut begun: Option<(DistanceTiling, Vec<Mutex<Block>>)> = None;
        for (number, start) in (0..self.order.len()).step_by(window).enumerate().skip(self.done(cut)) {
            let inner = start..(start + window).min(self.order.len());
            points.values.truncate(length);
            let read = self.source.window(self.order, (&rows, inner.clone()), &mut points, coarse);
            coarse = read.map_err(|error| match &begun {
                Some((_, blocks)) => self.stopped(error, cut, number, blocks),
                None => error,
            })?;
            let (tiling, blocks) = begun.get_or_insert_with(|| self.begin(taken, &points, cut));
            let held = Held { points, inner, first: taken.len() };
            let step = tiling.outer.max(1);
            let places = |block: &Block, number: usize| (0..).skip(number * step).take(block.places().len()).collect();
            let mut lanes = self.lanes(&held.points, *tiling)?;
            self.against_all(&held, *tiling, blocks, 0..blocks.len(), &mut lanes, places)?;
            drop(lanes);
            points = held.points;
            self.after_step(cut, number + 1, blocks)?;
        }
        // an earlier run may have finished the last window
        let (_, blocks) = begun.unwrap_or_else(|| self.begin(taken, &points, cut));
        let values = |places: Range<usize>| {
            let mut values = vec![0.0; places.len() * dim];
            self.source.read_exact(self.order.rows(places), &mut values)?;
            Ok(Rows::Double(Cow::Owned(values)))
        };
        self.recompute(&blocks, values).map_err(|error| self.stopped(error, cut, self.steps(cut), &blocks))?;
        Ok(unlocked(blocks))
    }

    /// Number of steps of a cut.
    fn steps(&self, cut: StepCut) -> usize {
        let points = if cut.symmetric || self.sampled { self.order.len() } else { self.share.len() };
        points.div_ceil(cut.points.max(1))
    }

    /// Steps finished by an interrupted run with the same cut.
    fn done(&self, cut: StepCut) -> usize {
        let kept = self.kept.as_ref().filter(|kept| kept.cut == cut);
        kept.map_or(0, |kept| to_usize(kept.steps).min(self.steps(cut)))
    }

    /// Cuts a sample into blocks. `points` includes the first window.
    fn begin(&self, taken: &[u32], points: &PointSet, cut: StepCut) -> (DistanceTiling, Vec<Mutex<Block>>) {
        let tiling = self.run.backend.distance_tiling(points);
        let blocks = self.blocks(taken, tiling);
        self.restore(cut, &blocks);
        (tiling, blocks)
    }

    fn blocks(&self, places: &[u32], tiling: DistanceTiling) -> Vec<Mutex<Block>> {
        let block = |places: &[u32]| Mutex::new(Block::new(places.to_vec(), self.order.levels()));
        places.chunks(tiling.outer.max(1)).map(block).collect()
    }

    /// Restores the blocks from the checkpoint.
    fn restore(&self, cut: StepCut, blocks: &[Mutex<Block>]) {
        let Some(kept) = &self.kept else { return };
        if kept.cut != cut {
            tracing::warn!(
                "silhouettes restart: the checkpoint was written by a device that cuts the work differently"
            );
            self.pairs.store(0, Ordering::Relaxed);
            return;
        }
        let mut first = 0;
        for block in blocks {
            let mut block = locked(block);
            block.restore(&kept.running, first);
            first += block.places().len();
        }
        self.progress.advance(kept.counts.pairs * if cut.symmetric { 2 } else { 1 });
    }

    /// The state after `steps` steps.
    fn snapshot(&self, cut: StepCut, steps: usize, blocks: &[Mutex<Block>]) -> OuterSums {
        let mut running = vec![crate::engine::partials::Running::default(); self.order.levels()];
        blocks.iter().for_each(|block| locked(block).save(&mut running));
        OuterSums {
            outer: self.share.start as u64..self.share.end as u64,
            cut,
            steps: steps as u64,
            of_steps: self.steps(cut) as u64,
            running,
            values: Vec::new(),
            counts: Counts { pairs: self.pairs.load(Ordering::Relaxed), ..Counts::default() },
        }
    }

    /// After a step: stores a checkpoint if one is due, and stops if a pause was requested.
    fn after_step(&self, cut: StepCut, steps: usize, blocks: &[Mutex<Block>]) -> Result<()> {
        let checkpoints = self.run.checkpoints;
        if checkpoints.pause_requested() {
            return Err(self.stopped(Error::interrupted(), cut, steps, blocks));
        }
        if checkpoints.due() {
            checkpoint_store::warn_if_failed(checkpoints.store_outer(self.stage, &self.snapshot(cut, steps, blocks)));
        }
        Ok(())
    }

    /// The error with which the stage ends after `error`. Stores a checkpoint if a pause was requested.
    fn stopped(&self, error: Error, cut: StepCut, steps: usize, blocks: &[Mutex<Block>]) -> Error {
        let checkpoints = self.run.checkpoints;
        checkpoint_store::store_before_pause(error, checkpoints, || {
            checkpoints.store_outer(self.stage, &self.snapshot(cut, steps, blocks))
        })
    }

    /// A tiling whose inner tiles consist of whole outer blocks or lie within one, and whose sums per inner tile stay small.
    fn aligned(&self, tiling: DistanceTiling) -> DistanceTiling {
        let outer = tiling.outer.max(1);
        let segments = self.order.runs() + self.order.len() / outer + 1;
        let inner = tiling.inner.min(ROWS_BYTES / (size_of::<f64>() * segments)).max(1);
        let (outer, inner) =
            if inner >= outer { (outer, inner / outer * outer) } else { (outer / inner * inner, inner) };
        DistanceTiling { outer, inner, ..tiling }
    }

    /// Recomputes decisive distances in float64. `values` returns the points at consecutive places.
    fn recompute<'p>(
        &self,
        blocks: &[Mutex<Block>],
        values: impl Fn(Range<usize>) -> Result<Rows<'p>> + Sync,
    ) -> Result<()> {
        let mut held: Vec<_> = blocks.iter().map(locked).collect();
        let mut blocks: Vec<&mut Block> = held.iter_mut().map(|block| &mut **block).collect();
        let (dim, threads) = (self.run.embeddings.dim(), recompute::threads(self.run));
        recompute::blocks(&mut blocks, self.order, (dim, threads), |places| {
            self.check()?;
            values(places)
        })
    }

    /// Compares each of `some` blocks of outer points with all inner points. `outer` maps a block's points to points in
    /// memory.
    fn against_all(
        &self,
        held: &Held,
        tiling: DistanceTiling,
        blocks: &[Mutex<Block>],
        some: Range<usize>,
        lanes: &mut [Box<dyn DistanceSums + '_>],
        outer: impl Fn(&Block, usize) -> Vec<u32> + Sync,
    ) -> Result<()> {
        share_out(lanes, some, |lane, number| {
            let block = &mut *locked(&blocks[number]);
            lane.outer(&outer(block, number))?;
            let mut columns = Vec::new();
            for inner in cut(held.inner.clone(), tiling.inner) {
                self.check()?;
                let shift = |place: usize| place - held.inner.start + held.first;
                let ends: Vec<usize> = self.order.ends(inner.clone()).into_iter().map(shift).collect();
                columns.resize(ends.len() * block.places().len(), 0.0);
                lane.to_segments(shift(inner.start)..shift(inner.end), &ends, &mut columns)?;
                block.add_columns(self.order, inner.clone(), &columns, Pairs::All);
                self.count(inner.len() * block.places().len(), 1);
            }
            Ok(())
        })
    }

    /// Computes each pair once: each inner tile with its own block and those after it.
    fn once(&self, held: &Held, tiling: DistanceTiling, places: &[u32]) -> Result<(StepCut, Vec<Mutex<Block>>)> {
        let steps = StepCut { points: tiling.inner, symmetric: true };
        let all = self.blocks(places, tiling);
        let blocks = all.as_slice();
        self.restore(steps, blocks);
        let done = self.done(steps);
        let mut lanes = self.lanes(&held.points, tiling)?;
        let spans: Vec<Range<usize>> = blocks.iter().map(|block| locked(block).span()).collect();
        for (step, inner) in cut(held.inner.clone(), tiling.inner).enumerate().skip(done) {
            let own = inner.start / tiling.outer;
            let rows: Vec<Mutex<Vec<f64>>> = (own..blocks.len()).map(|_| Mutex::default()).collect();
            let ends = self.order.ends(inner.clone());
            share_out(&mut lanes, own..blocks.len(), |lane, number| {
                self.check()?;
                let block = &mut *locked(&blocks[number]);
                let outer = spans[number].clone();
                let outer_ends = self.order.ends(outer.clone());
                let mut columns = vec![0.0; ends.len() * outer.len()];
                let rows = &mut *locked(&rows[number - own]);
                rows.resize(outer_ends.len() * inner.len(), 0.0);
                lane.outer(block.places())?;
                lane.both(inner.clone(), &ends, &outer_ends, &mut columns, rows)?;
                block.add_columns(self.order, inner.clone(), &columns, Pairs::Once);
                self.count(inner.len() * outer.len(), if number == own { 1 } else { 2 });
                Ok(())
            })?;
            let rows: Vec<Vec<f64>> =
                rows.into_iter().map(|rows| rows.into_inner().unwrap_or_else(PoisonError::into_inner)).collect();
            let mut threads = vec![(); tiling.lanes.max(1)];
            share_out(&mut threads, own..(inner.end - 1) / tiling.outer + 1, |(), mine| {
                let later = spans[own..].iter().cloned().zip(&rows);
                self.other_direction(&inner, &mut locked(&blocks[mine]), &spans[mine], later);
                Ok(())
            })?;
            self.after_step(steps, step + 1, blocks)?;
        }
        Ok((steps, all))
    }

    /// Adds the distances of the inner tile's points in `block` to all points after them: blocks of `outer` points with their
    /// sums.
    fn other_direction<'r>(
        &self,
        inner: &Range<usize>,
        block: &mut Block,
        held: &Range<usize>,
        outer: impl Iterator<Item = (Range<usize>, &'r Vec<f64>)>,
    ) {
        let places = inner.start.max(held.start)..inner.end.min(held.end);
        let points = places.start - held.start..places.end - held.start;
        let columns = places.start - inner.start..places.end - inner.start;
        let mut open = vec![vec![0.0; places.len()]; self.order.levels()];
        for (outer, rows) in outer {
            let rows = rows.chunks(inner.len()).map(|row| &row[columns.clone()]);
            block.add_rows(self.order, points.clone(), outer, rows, &mut open);
        }
    }

    fn lanes<'p>(&'p self, points: &'p PointSet, tiling: DistanceTiling) -> Result<Vec<Box<dyn DistanceSums + 'p>>> {
        (0..tiling.lanes.max(1)).map(|_| self.run.backend.distance_sums(points, tiling)).collect()
    }

    /// Counts `distances`, each of which stands for `directions` ordered pairs of points.
    fn count(&self, distances: usize, directions: u64) {
        self.pairs.fetch_add(distances as u64, Ordering::Relaxed);
        self.progress.advance(distances as u64 * directions);
    }

    /// Fails if the run must stop at once. If a pause was requested, the step is finished first.
    fn check(&self) -> Result<()> {
        if self.run.watch.cancelled() && !self.run.checkpoints.pause_requested() {
            Err(Error::interrupted())
        } else {
            Ok(())
        }
    }
}

/// Cuts a range into pieces of `step`.
fn cut(range: Range<usize>, step: usize) -> impl Iterator<Item = Range<usize>> {
    let end = range.end;
    range.step_by(step.max(1)).map(move |start| start..(start + step.max(1)).min(end))
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unlocked(blocks: Vec<Mutex<Block>>) -> Vec<Block> {
    blocks.into_iter().map(|block| block.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
}
