//! Lanes that work side by side on tiles, and sums that do not show it: what a tile gives is taken up in the order of the
//! tiles, whichever lane is faster, so that the bits of a result do not depend on timing.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::base::error::{Error, Kind, Result};

/// Results per lane that may wait for their turn: bounds memory where one lane is held up.
const DEPTH: usize = 4;

/// What the tiles' results are added to.
pub trait Reduce: Send {
    /// What one tile gives.
    type Tile: Default + Send;

    /// Takes up the result of a tile: all tiles before it are in.
    fn reduce(&mut self, tile: &Self::Tile);

    /// Told when no result is left whose turn it is.
    fn settled(&mut self) {}
}

/// What the lanes of one pass share.
pub struct TilePipeline<A: Reduce> {
    state: Mutex<State<A>>,
    turn: Condvar,
    depth: usize,
    failed: AtomicBool,
}

struct State<A: Reduce> {
    sums: A,
    next: u64,
    waiting: BTreeMap<u64, A::Tile>,
    /// Buffers to use again.
    blanks: Vec<A::Tile>,
    abandoned: bool,
}

/// Runs `drive` on `lanes` threads until all are done, and gives what was taken up, with the first failure. Where there is
/// one, that is the results of the tiles up to some tile.
pub fn work<A: Reduce>(
    lanes: usize,
    sums: A,
    drive: impl Fn(&TilePipeline<A>) -> Result<()> + Sync,
) -> (A, Result<()>) {
    let crew = TilePipeline::new(sums, lanes.max(1));
    let outcomes: Vec<Result<()>> = std::thread::scope(|scope| {
        let run = || {
            let alarm = Alarm(&crew);
            drive(&crew)?;
            std::mem::forget(alarm);
            Ok(())
        };
        let threads: Vec<_> = (0..lanes.max(1)).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|t| t.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    // lanes that only heard of a failure say that they were interrupted: what happened comes first
    let failures = outcomes.into_iter().filter_map(Result::err);
    let failure = failures.min_by_key(|error: &Error| error.kind() == Kind::Interrupted);
    (crew.finish(), failure.map_or(Ok(()), Err))
}

impl<A: Reduce> TilePipeline<A> {
    fn new(sums: A, lanes: usize) -> Self {
        let state = State { sums, next: 0, waiting: BTreeMap::new(), blanks: Vec::new(), abandoned: false };
        TilePipeline {
            state: Mutex::new(state),
            turn: Condvar::new(),
            depth: DEPTH * lanes,
            failed: AtomicBool::new(false),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<A>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An empty result, or one whose buffers can be used again.
    pub fn blank(&self) -> A::Tile {
        self.lock().blanks.pop().unwrap_or_default()
    }

    /// Looks at what has been taken up, or at what tiles are cut from; the other lanes wait.
    pub fn look<T>(&self, look: impl FnOnce(&mut A) -> T) -> T {
        look(&mut self.lock().sums)
    }

    /// Takes up the result of tile `index` as soon as all tiles before it are in.
    pub fn put(&self, index: u64, tile: A::Tile) {
        let mut state = self.lock();
        // the lane whose turn it is never waits here, so the others can't wait forever
        while index != state.next && state.waiting.len() >= self.depth && !state.abandoned {
            state = self.turn.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.waiting.insert(index, tile);
        while let Some(tile) = state.take_next() {
            state.sums.reduce(&tile);
            state.blanks.push(tile);
        }
        state.sums.settled();
        self.turn.notify_all();
    }

    /// Fails when another lane's failure wants the pass to end, or `cancelled` says so.
    pub fn go_on(&self, cancelled: bool) -> Result<()> {
        if cancelled || self.failed.load(Ordering::Relaxed) { Err(Error::interrupted()) } else { Ok(()) }
    }

    fn finish(self) -> A {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner).sums
    }
}

impl<A: Reduce> State<A> {
    fn take_next(&mut self) -> Option<A::Tile> {
        let tile = self.waiting.remove(&self.next)?;
        self.next += 1;
        Some(tile)
    }
}

/// Tells the other lanes when one ends before its time, by an error or by a panic: they would wait for its tile for ever.
struct Alarm<'r, A: Reduce>(&'r TilePipeline<A>);

impl<A: Reduce> Drop for Alarm<'_, A> {
    fn drop(&mut self) {
        self.0.failed.store(true, Ordering::Relaxed);
        self.0.lock().abandoned = true;
        self.0.turn.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;
    use crate::base::error::Finding;

    #[derive(Default)]
    struct Order(Vec<u64>);

    impl Reduce for Order {
        type Tile = u64;

        fn reduce(&mut self, tile: &u64) {
            self.0.push(*tile);
        }
    }

    #[test]
    fn results_are_taken_up_in_the_order_of_the_tiles() {
        let next = AtomicU64::new(0);
        let (order, outcome) = work(4, Order::default(), |crew| {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= 200 {
                    return Ok(());
                }
                // even tiles take longer
                (0..if index.is_multiple_of(2) { 20_000 } else { 0 }).for_each(|_| std::hint::spin_loop());
                crew.put(index, index);
            }
        });
        assert!(outcome.is_ok());
        assert_eq!(order.0, (0..200).collect::<Vec<_>>());
    }

    #[test]
    fn a_failure_ends_the_others_and_is_the_one_that_is_told() {
        let next = AtomicU64::new(0);
        let (order, outcome) = work(3, Order::default(), |crew| {
            loop {
                crew.go_on(false)?;
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index == 7 {
                    return Err(Error::failed(Finding::new("tile seven")));
                }
                crew.put(index, index);
            }
        });
        assert!(outcome.is_err_and(|error| error.to_string().contains("tile seven")));
        assert_eq!(order.0, (0..7).collect::<Vec<_>>());
    }
}
