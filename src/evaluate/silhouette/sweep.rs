//! All outer points against all inner ones, on all lanes.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::again;
use super::block::{Block, Pairs};
use super::order::Order;
use super::points;
use crate::backend::{DistanceSums, DistanceTiling, PointSet};
use crate::error::{Error, Kind, Result};
use crate::evaluate::{Evaluation, StageWatch};

/// Bytes of inner points that are held at a time where the outer ones are a sample.
const WINDOW_BYTES: usize = 1 << 30;

/// Bytes of sums that one inner tile may give, over all blocks.
const ROWS_BYTES: usize = 64 << 20;

/// Silhouettes of the `taken` places, or of all, in their order, per evaluated level.
pub(super) fn run(run: &Evaluation<'_>, order: &Order, taken: Option<&[u32]>) -> Result<Vec<Vec<f64>>> {
    let outer = taken.map_or(order.len(), <[u32]>::len) as u64;
    let progress = run.watch.begin("silhouette", outer * order.len() as u64, 0);
    let sweep = Sweep { run, order, progress: progress.as_ref() };
    let blocks = match taken {
        Some(taken) => sweep.sample(taken)?,
        None => sweep.everything()?,
    };
    let of_level = |level| blocks.iter().flat_map(|block| block.silhouettes(order, level)).collect();
    Ok((0..order.levels()).map(of_level).collect())
}

struct Sweep<'a, 'e> {
    run: &'a Evaluation<'e>,
    order: &'a Order,
    progress: &'a dyn StageWatch,
}

/// Points on the host, and where the order's places lie in them.
struct Held {
    points: PointSet,
    /// Places whose points are held as inner ones.
    inner: Range<usize>,
    /// Where the first of them lies.
    first: usize,
}

impl Sweep<'_, '_> {
    /// Every point, held at once.
    fn everything(&self) -> Result<Vec<Block>> {
        let all = 0..self.order.len();
        let points = points::read(self.run, self.order.rows(all.clone()))?;
        let tiling = self.run.backend.distance_tiling(&points);
        let tiling = if tiling.symmetric { self.aligned(tiling) } else { tiling };
        let places: Vec<u32> = (0..).take(all.len()).collect();
        let blocks = self.blocks(&places, tiling);
        let held = Held { points, inner: all, first: 0 };
        if tiling.symmetric {
            self.once(&held, tiling, &blocks)?;
        } else {
            self.against_all(&held, tiling, &blocks, |block, _| block.places().to_vec())?;
        }
        let dim = held.points.dim;
        self.again(&blocks, |places| Ok(Cow::Borrowed(&held.points.values[places.start * dim..places.end * dim])))?;
        Ok(unlocked(blocks))
    }

    /// A tiling in which inner tiles are whole blocks of outer points or lie in one, and what an inner tile gives for all
    /// blocks stays small.
    fn aligned(&self, tiling: DistanceTiling) -> DistanceTiling {
        let outer = tiling.outer.max(1);
        let segments = self.order.runs() + self.order.len() / outer + 1;
        let inner = tiling.inner.min(ROWS_BYTES / (size_of::<f64>() * segments)).max(1);
        let (outer, inner) =
            if inner >= outer { (outer, inner / outer * outer) } else { (outer / inner * inner, inner) };
        DistanceTiling { outer, inner, ..tiling }
    }

    /// A sample against window after window of all points. The sample's points lie in front of the window's.
    fn sample(&self, taken: &[u32]) -> Result<Vec<Block>> {
        let rows: Vec<u64> = taken.iter().map(|&place| self.order.row(place)).collect();
        let mut points = points::read(self.run, &rows)?;
        let (dim, length) = (points.dim, points.values.len());
        let window = (WINDOW_BYTES / (4 * dim)).max(1);
        let mut blocks: Option<(DistanceTiling, Vec<Mutex<Block>>)> = None;
        for start in (0..self.order.len()).step_by(window) {
            let inner = start..(start + window).min(self.order.len());
            points.values.truncate(length);
            points.values.extend(points::read(self.run, self.order.rows(inner.clone()))?.values);
            let (tiling, blocks) = blocks.get_or_insert_with(|| {
                let tiling = self.run.backend.distance_tiling(&points);
                (tiling, self.blocks(taken, tiling))
            });
            let held = Held { points, inner, first: taken.len() };
            let step = tiling.outer.max(1);
            let places = |block: &Block, number: usize| (0..).skip(number * step).take(block.places().len()).collect();
            self.against_all(&held, *tiling, blocks, places)?;
            points = held.points;
        }
        let blocks = blocks.map_or(Vec::new(), |(_, blocks)| blocks);
        self.again(&blocks, |places| {
            let mut values = vec![0.0; places.len() * dim];
            points::read_part(self.run, self.order.rows(places), &mut values)?;
            Ok(Cow::Owned(values))
        })?;
        Ok(unlocked(blocks))
    }

    /// Looks again at what decides. `values` gives those of consecutive places.
    fn again<'p>(
        &self,
        blocks: &[Mutex<Block>],
        values: impl Fn(Range<usize>) -> Result<Cow<'p, [f32]>> + Sync,
    ) -> Result<()> {
        let dim = self.run.embeddings.dim();
        let mut threads = vec![(); self.run.tiling.lanes.max(1)];
        self.share_out(&mut threads, 0..blocks.len(), |(), number| {
            self.go_on()?;
            again::block(&mut locked(&blocks[number]), self.order, dim, &mut |places| values(places))
        })
    }

    fn blocks(&self, places: &[u32], tiling: DistanceTiling) -> Vec<Mutex<Block>> {
        let block = |places: &[u32]| Mutex::new(Block::new(places.to_vec(), self.order.levels()));
        places.chunks(tiling.outer.max(1)).map(block).collect()
    }

    /// Each block of outer points against all inner ones. `outer` tells where a block's points lie among those held.
    fn against_all(
        &self,
        held: &Held,
        tiling: DistanceTiling,
        blocks: &[Mutex<Block>],
        outer: impl Fn(&Block, usize) -> Vec<u32> + Sync,
    ) -> Result<()> {
        let mut lanes = self.lanes(&held.points, tiling)?;
        self.share_out(&mut lanes, 0..blocks.len(), |lane, number| {
            let block = &mut *locked(&blocks[number]);
            lane.outer(&outer(block, number))?;
            let mut columns = Vec::new();
            for inner in cut(held.inner.clone(), tiling.inner) {
                self.go_on()?;
                let shift = |place: usize| place - held.inner.start + held.first;
                let ends: Vec<usize> = self.order.ends(inner.clone()).into_iter().map(shift).collect();
                columns.resize(ends.len() * block.places().len(), 0.0);
                lane.to_segments(shift(inner.start)..shift(inner.end), &ends, &mut columns)?;
                block.add_columns(self.order, inner.clone(), &columns, Pairs::All);
                self.progress.advance((inner.len() * block.places().len()) as u64);
            }
            Ok(())
        })
    }

    /// Each pair once: inner tile after inner tile, against the blocks from its own on.
    fn once(&self, held: &Held, tiling: DistanceTiling, blocks: &[Mutex<Block>]) -> Result<()> {
        let mut lanes = self.lanes(&held.points, tiling)?;
        let spans: Vec<Range<usize>> = blocks.iter().map(|block| span(&locked(block))).collect();
        for inner in cut(held.inner.clone(), tiling.inner) {
            let own = inner.start / tiling.outer;
            let rows: Vec<Mutex<Vec<f64>>> = (own..blocks.len()).map(|_| Mutex::default()).collect();
            let ends = self.order.ends(inner.clone());
            self.share_out(&mut lanes, own..blocks.len(), |lane, number| {
                self.go_on()?;
                let block = &mut *locked(&blocks[number]);
                let outer = spans[number].clone();
                let outer_ends = self.order.ends(outer.clone());
                let mut columns = vec![0.0; ends.len() * outer.len()];
                let rows = &mut *locked(&rows[number - own]);
                rows.resize(outer_ends.len() * inner.len(), 0.0);
                lane.outer(block.places())?;
                lane.both(inner.clone(), &ends, &outer_ends, &mut columns, rows)?;
                block.add_columns(self.order, inner.clone(), &columns, Pairs::Once);
                let factor = if number == own { 1 } else { 2 };
                self.progress.advance((factor * inner.len() * outer.len()) as u64);
                Ok(())
            })?;
            let rows: Vec<Vec<f64>> =
                rows.into_iter().map(|rows| rows.into_inner().unwrap_or_else(PoisonError::into_inner)).collect();
            let mut threads = vec![(); tiling.lanes.max(1)];
            self.share_out(&mut threads, own..(inner.end - 1) / tiling.outer + 1, |(), mine| {
                let later = spans[own..].iter().cloned().zip(&rows);
                self.other_direction(&inner, &mut locked(&blocks[mine]), &spans[mine], later);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// What those of an inner tile's points that lie in `block` have to do with all points after them: blocks of `outer`
    /// points with what the tile gave for them.
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

    /// Has the lanes do the tasks, each on a thread of its own. The first failure ends it.
    fn share_out<L: Send>(
        &self,
        lanes: &mut [L],
        tasks: Range<usize>,
        task: impl Fn(&mut L, usize) -> Result<()> + Sync,
    ) -> Result<()> {
        let next = AtomicUsize::new(tasks.start);
        let drive = |lane: &mut L| -> Result<()> {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= tasks.end {
                    return Ok(());
                }
                // a failed lane leaves no task to the others
                task(lane, number).inspect_err(|_| next.store(tasks.end, Ordering::Relaxed))?;
            }
        };
        let outcomes: Vec<Result<()>> = std::thread::scope(|scope| {
            let threads: Vec<_> = lanes.iter_mut().map(|lane| scope.spawn(|| drive(lane))).collect();
            threads.into_iter().map(|t| t.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        });
        let failures = outcomes.into_iter().filter_map(Result::err);
        failures.min_by_key(|error| error.kind() == Kind::Interrupted).map_or(Ok(()), Err)
    }

    fn go_on(&self) -> Result<()> {
        if self.run.watch.cancelled() { Err(Error::interrupted()) } else { Ok(()) }
    }
}

/// The places of a block of consecutive ones.
fn span(block: &Block) -> Range<usize> {
    let first = block.places().first().map_or(0, |&place| place as usize);
    first..first + block.places().len()
}

/// A range in pieces of `step`.
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
