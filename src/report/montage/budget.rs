//! A counting semaphore over bytes: many small images, but few large ones, are decoded at a time.

use std::sync::{Condvar, Mutex, PoisonError};

/// Limits the bytes in use at a time.
#[derive(Debug)]
pub(super) struct Budget {
    limit: u64,
    used: Mutex<u64>,
    freed: Condvar,
}

/// Bytes in use until this is dropped.
#[derive(Debug)]
pub(super) struct Permit<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Budget {
    pub(super) fn new(limit: u64) -> Self {
        Budget { limit, used: Mutex::new(0), freed: Condvar::new() }
    }

    /// Waits until `bytes` more are within the limit, or until nothing else is in use: a request beyond the limit is then
    /// granted alone instead of waiting forever.
    ///
    /// A holder must not start work on the thread pool, or it could wait for itself.
    pub(super) fn acquire(&self, bytes: u64) -> Permit<'_> {
        // the count is valid at any moment, so a panic of another thread does no harm
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let must_wait = |used: &mut u64| *used > 0 && used.saturating_add(bytes) > self.limit;
        let mut used = self.freed.wait_while(used, must_wait).unwrap_or_else(PoisonError::into_inner);
        *used = used.saturating_add(bytes);
        Permit { budget: self, bytes }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut used = self.budget.used.lock().unwrap_or_else(PoisonError::into_inner);
        *used = used.saturating_sub(self.bytes);
        self.budget.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn no_more_than_the_limit_is_in_use() {
        let (budget, used, most) = (Budget::new(100), AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let _permit = budget.acquire(40);
                        let now = used.fetch_add(40, Ordering::SeqCst) + 40;
                        most.fetch_max(now, Ordering::SeqCst);
                        std::thread::yield_now();
                        used.fetch_sub(40, Ordering::SeqCst);
                    }
                });
            }
        });
        let most = most.into_inner();
        assert!((40..=80).contains(&most), "{most}");
    }

    #[test]
    fn a_request_beyond_the_limit_is_granted_alone() {
        let budget = Budget::new(10);
        drop(budget.acquire(u64::MAX));
        let _small = budget.acquire(10);
        assert_eq!(*budget.used.lock().unwrap(), 10);
    }
}
