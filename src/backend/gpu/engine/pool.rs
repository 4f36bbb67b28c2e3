//! Free buffers, for reuse. A pass needs buffers of the same sizes as the pass before it, so iterations allocate nothing.

use std::cell::Cell;
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A free buffer that was not taken during this many trials is freed. A *trial* allocates everything that a pass needs.
const TRIALS: u64 = 4;

thread_local! {
    /// Whether the limit refused an allocation of this thread.
    static REFUSED: Cell<bool> = const { Cell::new(false) };
}

/// What makes two buffers interchangeable.
type Kind = (u64, wgpu::BufferUsages);

/// Free buffers, by size and usage, and the memory of all buffers.
#[derive(Debug)]
pub(crate) struct Pool {
    shelf: Mutex<Shelf>,
    /// Most bytes that all buffers together may take.
    limit: u64,
    /// Most bytes that they have taken.
    peak: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct Shelf {
    /// Each with the number of trials that had started when it was returned.
    free: HashMap<Kind, Vec<(wgpu::Buffer, u64)>>,
    trials: u64,
    /// Bytes of all buffers, free or not.
    bytes: u64,
}

/// A buffer that returns to its pool when it is dropped. What it held before is still there when it is taken again.
#[derive(Debug)]
pub(crate) struct DeviceBuffer {
    buffer: wgpu::Buffer,
    pool: Arc<Pool>,
}

impl Pool {
    /// A pool without buffers, for at most `limit` bytes of buffers.
    pub(crate) fn new(limit: u64) -> Arc<Pool> {
        Arc::new(Pool { shelf: Mutex::default(), limit, peak: Arc::default() })
    }

    /// A free buffer of this kind, or a new one.
    pub(crate) fn take(self: &Arc<Self>, kind: Kind, allocate: impl FnOnce() -> wgpu::Buffer) -> DeviceBuffer {
        let free = self.shelf().free.get_mut(&kind).and_then(Vec::pop);
        DeviceBuffer { buffer: free.map_or_else(allocate, |(buffer, _)| buffer), pool: self.clone() }
    }

    /// Call before a trial. Frees the buffers that no recent pass needed.
    pub(crate) fn start_trial(&self) {
        let mut shelf = self.shelf();
        shelf.trials += 1;
        let oldest = shelf.trials.saturating_sub(TRIALS);
        shelf.free_if(|returned| returned < oldest);
    }

    /// Frees all free buffers.
    pub(crate) fn clear(&self) {
        self.shelf().free_if(|_| true);
    }

    /// Counts memory that is about to be allocated. False if that is beyond the limit.
    pub(crate) fn reserve(&self, bytes: u64) -> bool {
        let mut shelf = self.shelf();
        let fits = shelf.bytes.saturating_add(bytes) <= self.limit;
        if fits {
            shelf.bytes += bytes;
            self.peak.fetch_max(shelf.bytes, Ordering::Relaxed);
        }
        REFUSED.set(REFUSED.get() || !fits);
        fits
    }

    /// Counts memory that was freed.
    pub(crate) fn release(&self, bytes: u64) {
        let mut shelf = self.shelf();
        shelf.bytes = shelf.bytes.saturating_sub(bytes);
    }

    /// Most bytes that all buffers together have taken. The number goes on growing.
    pub(crate) fn peak(&self) -> Arc<AtomicU64> {
        self.peak.clone()
    }

    /// Whether this thread was refused memory since the last call of this function.
    pub(crate) fn was_refused() -> bool {
        REFUSED.replace(false)
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    /// Drops the free buffers for which `when` holds, given the trial of their return.
    fn free_if(&mut self, when: impl Fn(u64) -> bool) {
        let mut freed = 0;
        for (kind, free) in &mut self.free {
            let before = free.len();
            free.retain(|(_, returned)| !when(*returned));
            freed += kind.0 * (before - free.len()) as u64;
        }
        self.free.retain(|_, free| !free.is_empty());
        self.bytes = self.bytes.saturating_sub(freed);
    }
}

impl Deref for DeviceBuffer {
    type Target = wgpu::Buffer;

    fn deref(&self) -> &wgpu::Buffer {
        &self.buffer
    }
}

impl Drop for DeviceBuffer {
    fn drop(&mut self) {
        let kind = (self.buffer.size(), self.buffer.usage());
        let mut shelf = self.pool.shelf();
        let returned = shelf.trials;
        shelf.free.entry(kind).or_default().push((self.buffer.clone(), returned));
    }
}
