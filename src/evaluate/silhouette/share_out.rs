//! Distributes tasks over lanes.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::base::error::{Error, Kind, Result};

/// Runs the tasks on the lanes, each with a thread of its own. The first failure ends the run.
pub(super) fn share_out<L: Send>(
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
            // after a failure, no further tasks are started
            task(lane, number).inspect_err(|_| next.store(tasks.end, Ordering::Relaxed))?;
        }
    };
    let outcomes: Vec<Result<()>> = std::thread::scope(|scope| {
        let threads: Vec<_> = lanes.iter_mut().map(|lane| scope.spawn(|| drive(lane))).collect();
        threads.into_iter().map(|t| t.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    let failures = outcomes.into_iter().filter_map(Result::err);
    failures.min_by_key(|error: &Error| error.kind() == Kind::Interrupted).map_or(Ok(()), Err)
}
