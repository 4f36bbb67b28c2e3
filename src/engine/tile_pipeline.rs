//! Lanes work on tiles in parallel, and results enter the sums in tile order. The bits of a result therefore do not depend on
//! which lane is faster.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::base::error::{Error, Kind, Result};

/// Results per lane that may wait for their turn. Bounds memory when one lane is slow.
const DEPTH: usize = 2;

/// Accumulates the results of tiles in tile order.
pub trait Reduce: Send {
    /// Result of one tile. Its buffers are reused.
    type Tile: Default + Send;

    /// Adds the result of one tile, after all tiles before it.
    fn reduce(&mut self, tile: &Self::Tile);
}

/// Cuts a pass into tiles and accumulates their results. The pipeline's lock is held for both.
pub trait TileSource: Reduce {
    /// Describes the next tile, of at most `rows` rows to read, in `tile`, which may hold an earlier tile. False at the end.
    fn cut(&mut self, rows: usize, tile: &mut Self::Tile) -> bool;
}

/// State that the lanes of one pass share.
pub struct TilePipeline<R: Reduce> {
    state: Mutex<State<R>>,
    turn: Condvar,
    depth: usize,
    failed: AtomicBool,
}

struct State<R: Reduce> {
    reducer: R,
    /// Number of tiles cut.
    cut: u64,
    /// The tile to reduce next.
    next: u64,
    waiting: BTreeMap<u64, R::Tile>,
    /// Tiles whose buffers can be reused.
    spare: Vec<R::Tile>,
    abandoned: bool,
}

/// Runs `drive` on `lanes` threads until all return. Returns the reducer and the first failure; on failure, the reducer holds
/// a prefix of the tiles.
pub fn run_lanes<R: Reduce>(
    lanes: usize,
    reducer: R,
    drive: impl Fn(&TilePipeline<R>) -> Result<()> + Sync,
) -> (R, Result<()>) {
    let pipeline = TilePipeline::new(reducer, lanes.max(1));
    let outcomes: Vec<Result<()>> = std::thread::scope(|scope| {
        let run = || {
            let alarm = Alarm(&pipeline);
            drive(&pipeline)?;
            std::mem::forget(alarm);
            Ok(())
        };
        let threads: Vec<_> = (0..lanes.max(1)).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|t| t.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    // lanes stopped by another lane's failure report an interruption; the cause takes precedence
    let failures = outcomes.into_iter().filter_map(Result::err);
    let failure = failures.min_by_key(|error: &Error| error.kind() == Kind::Interrupted);
    (pipeline.finish(), failure.map_or(Ok(()), Err))
}

impl<R: Reduce> TilePipeline<R> {
    fn new(reducer: R, lanes: usize) -> Self {
        let state = State { reducer, cut: 0, next: 0, waiting: BTreeMap::new(), spare: Vec::new(), abandoned: false };
        TilePipeline {
            state: Mutex::new(state),
            turn: Condvar::new(),
            depth: DEPTH * lanes,
            failed: AtomicBool::new(false),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `look` with the reducer while the other lanes wait.
    pub fn look<T>(&self, look: impl FnOnce(&mut R) -> T) -> T {
        look(&mut self.lock().reducer)
    }

    /// Hands over the result of tile `index`, which is reduced once all tiles before it are.
    pub fn put(&self, index: u64, tile: R::Tile) {
        let mut state = self.lock();
        // the lane whose turn it is never waits here, so the others can't wait forever
        while index != state.next && state.waiting.len() >= self.depth && !state.abandoned {
            state = self.turn.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.waiting.insert(index, tile);
        while let Some(tile) = state.take_next() {
            state.reducer.reduce(&tile);
            state.spare.push(tile);
        }
        self.turn.notify_all();
    }

    /// # Errors
    /// `Interrupted` if `cancelled`, or if another lane has failed.
    pub fn check(&self, cancelled: bool) -> Result<()> {
        if cancelled || self.failed.load(Ordering::Relaxed) { Err(Error::interrupted()) } else { Ok(()) }
    }

    fn finish(self) -> R {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner).reducer
    }
}

impl<S: TileSource> TilePipeline<S> {
    /// Cuts the next tile, of at most `rows` rows to read; `None` at the end. Each tile taken must be put, or its lane must
    /// fail: the other lanes wait for it.
    pub fn take(&self, rows: usize) -> Option<(u64, S::Tile)> {
        let mut state = self.lock();
        let mut tile = state.spare.pop().unwrap_or_default();
        if !state.reducer.cut(rows, &mut tile) {
            return None;
        }
        state.cut += 1;
        Some((state.cut - 1, tile))
    }
}

impl<R: Reduce> State<R> {
    fn take_next(&mut self) -> Option<R::Tile> {
        let tile = self.waiting.remove(&self.next)?;
        self.next += 1;
        Some(tile)
    }
}

/// Wakes the other lanes when a lane ends early, by an error or a panic. Otherwise they would wait for its tile forever.
struct Alarm<'r, R: Reduce>(&'r TilePipeline<R>);

impl<R: Reduce> Drop for Alarm<'_, R> {
    fn drop(&mut self) {
        self.0.failed.store(true, Ordering::Relaxed);
        self.0.lock().abandoned = true;
        self.0.turn.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::Finding;

    #[derive(Default)]
    struct Order {
        cut: u64,
        reduced: Vec<u64>,
    }

    impl Reduce for Order {
        type Tile = u64;

        fn reduce(&mut self, tile: &u64) {
            self.reduced.push(*tile);
        }
    }

    impl TileSource for Order {
        fn cut(&mut self, _: usize, tile: &mut u64) -> bool {
            *tile = self.cut;
            self.cut += 1;
            *tile < 200
        }
    }

    #[test]
    fn results_are_reduced_in_tile_order() {
        let (order, outcome) = run_lanes(4, Order::default(), |pipeline| {
            while let Some((index, tile)) = pipeline.take(1) {
                // even tiles take longer
                (0..if index.is_multiple_of(2) { 20_000 } else { 0 }).for_each(|_| std::hint::spin_loop());
                pipeline.put(index, tile);
            }
            Ok(())
        });
        assert!(outcome.is_ok());
        assert_eq!(order.reduced, (0..200).collect::<Vec<_>>());
    }

    #[test]
    fn a_failure_stops_the_other_lanes_and_is_reported() {
        let (order, outcome) = run_lanes(3, Order::default(), |pipeline| {
            while let Some((index, tile)) = pipeline.take(1) {
                pipeline.check(false)?;
                if index == 7 {
                    return Err(Error::failed(Finding::new("tile seven")));
                }
                pipeline.put(index, tile);
            }
            Ok(())
        });
        assert!(outcome.is_err_and(|error| error.to_string().contains("tile seven")));
        assert_eq!(order.reduced, (0..7).collect::<Vec<_>>());
    }
}
