//! Counts the work that the device was given.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::backend::Traffic;

/// One counter per field of [`Traffic`]. Lanes count concurrently.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    bytes_up: AtomicU64,
    bytes_down: AtomicU64,
    submits: AtomicU64,
    dispatches: AtomicU64,
    allocations: AtomicU64,
}

impl Counters {
    pub(crate) fn up(&self, bytes: u64) {
        self.bytes_up.fetch_add(bytes, Relaxed);
    }

    pub(crate) fn down(&self, bytes: u64) {
        self.bytes_down.fetch_add(bytes, Relaxed);
    }

    pub(crate) fn submit(&self) {
        self.submits.fetch_add(1, Relaxed);
    }

    pub(crate) fn dispatch(&self) {
        self.dispatches.fetch_add(1, Relaxed);
    }

    pub(crate) fn allocation(&self) {
        self.allocations.fetch_add(1, Relaxed);
    }

    /// The counts so far.
    pub(crate) fn read(&self) -> Traffic {
        Traffic {
            bytes_up: self.bytes_up.load(Relaxed),
            bytes_down: self.bytes_down.load(Relaxed),
            submits: self.submits.load(Relaxed),
            dispatches: self.dispatches.load(Relaxed),
            allocations: self.allocations.load(Relaxed),
        }
    }
}
