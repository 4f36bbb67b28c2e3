//! The points that the device keeps between passes, in chunks that fit a binding. Tiles of the first pass fill the chunks;
//! later tiles are slices or lists of their rows. Once memory is short, no chunk is added, and each pass uploads the
//! remaining rows.

use std::any::Any;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::device::GpuDevice;
use super::memory::allocate;
use super::pipeline::PointSlice;
use super::pool::Pool;
use super::units::wide;
use crate::backend::{KeptPoints, PointShape};
use crate::base::numeric::to_usize;

/// Most bytes of a chunk. A tile lies within one chunk. Where a pass needs few rows, only large chunks fill its tiles.
const CHUNK_BYTES: u64 = 1 << 30;

/// The points of one input on the device.
pub(crate) struct PointStore {
    pub(crate) shape: PointShape,
    point_row: u64,
    chunk_rows: u64,
    chunks: Arc<Mutex<Chunks>>,
}

/// Chunks in order.
pub(crate) struct Chunks {
    pool: Arc<Pool>,
    held: Vec<Chunk>,
    /// Bytes that may still be allocated.
    budget: u64,
}

struct Chunk {
    buffer: wgpu::Buffer,
    /// Rows that are on the device, as disjoint ascending ranges.
    filled: Vec<Range<u64>>,
    /// Largest magnitude of each row.
    largest: Vec<f64>,
}

impl PointStore {
    /// An empty store. `None` if not even one tile fits a binding, if tiles would not start where a binding may, or if
    /// `budget` bytes don't hold one chunk.
    pub(crate) fn new(gpu: &GpuDevice, shape: PointShape, point_row: u64, budget: u64) -> Option<PointStore> {
        let binding = gpu.limits.max_storage_buffer_binding_size.min(gpu.limits.max_buffer_size).min(CHUNK_BYTES);
        let (tile, most) = (wide(shape.tile_rows.max(1)), binding / point_row);
        let align = u64::from(gpu.limits.min_storage_buffer_offset_alignment);
        if tile > 1 && !(tile * point_row).is_multiple_of(align) {
            return None;
        }
        // small inputs get one small chunk
        let chunk_rows = most.min(shape.rows.next_multiple_of(tile)) / tile * tile;
        if chunk_rows == 0 || budget < chunk_rows * point_row {
            return None;
        }
        let chunks = Chunks { pool: gpu.pool.clone(), held: Vec::new(), budget };
        Some(PointStore { shape, point_row, chunk_rows, chunks: Arc::new(Mutex::new(chunks)) })
    }

    /// The chunks, which the backend frees when memory is short.
    pub(crate) fn chunks(&self) -> &Arc<Mutex<Chunks>> {
        &self.chunks
    }

    /// A slice that holds `rows`, and the number of their first row within it. The slice is exactly the rows if they start
    /// where a binding may; otherwise it is the whole chunk.
    pub(crate) fn slice(&self, gpu: &GpuDevice, rows: &Range<u64>) -> Option<(PointSlice, u64)> {
        let (chunk, first) = self.chunk_of(rows)?;
        let chunks = lock(&self.chunks);
        let buffer = &chunks.held.get(chunk)?.buffer;
        let align = u64::from(gpu.limits.min_storage_buffer_offset_alignment);
        let offset = first * self.point_row;
        if offset.is_multiple_of(align) {
            let bytes = (rows.end - rows.start) * self.point_row;
            return Some((PointSlice { buffer: buffer.clone(), offset, bytes }, 0));
        }
        Some((PointSlice::whole(buffer), first))
    }

    /// Number of the chunk that holds all of the rows, and of their first row within it; `None` if no chunk does.
    fn chunk_of(&self, rows: &Range<u64>) -> Option<(usize, u64)> {
        let chunk = rows.start / self.chunk_rows;
        let within = rows.end <= (chunk + 1) * self.chunk_rows && rows.end <= self.shape.rows;
        within.then(|| (to_usize(chunk), rows.start - chunk * self.chunk_rows))
    }

    /// Makes room for the rows. Returns their buffer and the offset of the first row in bytes; `None` if there is no room.
    pub(crate) fn room(&self, gpu: &GpuDevice, rows: &Range<u64>) -> Option<(wgpu::Buffer, u64)> {
        let (chunk, first) = self.chunk_of(rows)?;
        let mut chunks = lock(&self.chunks);
        while chunks.held.len() <= chunk {
            let before = wide(chunks.held.len()) * self.chunk_rows;
            let count = self.chunk_rows.min(self.shape.rows - before);
            let bytes = (count * self.point_row).next_multiple_of(16);
            if bytes > chunks.budget {
                return None;
            }
            let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
            let Ok(buffer) = gpu.scoped(|| allocate(gpu, "kept points", bytes, usage)) else {
                // no further attempts: the passes need what memory is left
                chunks.budget = 0;
                return None;
            };
            chunks.budget -= bytes;
            chunks.held.push(Chunk { buffer, filled: Vec::new(), largest: vec![0.0; to_usize(count)] });
        }
        Some((chunks.held[chunk].buffer.clone(), first * self.point_row))
    }

    /// Records that rows were copied to the device. `largest` are their largest magnitudes.
    pub(crate) fn filled(&self, rows: &Range<u64>, largest: &[f64]) {
        let Some((chunk, first)) = self.chunk_of(rows) else { return };
        let mut chunks = lock(&self.chunks);
        let Some(chunk) = chunks.held.get_mut(chunk) else { return };
        chunk.largest[to_usize(first)..][..largest.len()].copy_from_slice(largest);
        let at = chunk.filled.partition_point(|range| range.end < rows.start);
        let after = chunk.filled.partition_point(|range| range.start <= rows.end);
        let merged = chunk.filled[at..after]
            .iter()
            .fold(rows.clone(), |merged, range| merged.start.min(range.start)..merged.end.max(range.end));
        chunk.filled.splice(at..after, [merged]);
    }

    /// The largest magnitudes of the rows `rows`, which lie within `bounds`; `None` unless all of `bounds` is on the device.
    pub(crate) fn recall(&self, bounds: &Range<u64>, rows: impl Iterator<Item = u64>) -> Option<Vec<f64>> {
        let (chunk, first) = self.chunk_of(bounds)?;
        let chunks = lock(&self.chunks);
        let chunk = chunks.held.get(chunk)?;
        let holds = chunk.filled.iter().any(|range| range.start <= bounds.start && bounds.end <= range.end);
        holds.then(|| rows.map(|row| chunk.largest[to_usize(row - bounds.start + first)]).collect())
    }
}

impl KeptPoints for PointStore {
    fn chunk_rows(&self) -> u64 {
        self.chunk_rows
    }

    fn held(&self) -> u64 {
        let chunks = lock(&self.chunks);
        chunks.held.iter().flat_map(|chunk| &chunk.filled).map(|range| range.end - range.start).sum()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Chunks {
    /// Frees the last chunk, and allows no further one. False if there is no chunk.
    pub(crate) fn shrink(chunks: &Mutex<Chunks>) -> bool {
        let mut chunks = lock(chunks);
        chunks.budget = 0;
        let last = chunks.held.pop();
        if let Some(chunk) = &last {
            chunks.pool.release(chunk.buffer.size());
        }
        last.is_some()
    }
}

impl Drop for Chunks {
    fn drop(&mut self) {
        self.pool.release(self.held.iter().map(|chunk| chunk.buffer.size()).sum());
    }
}

fn lock(chunks: &Mutex<Chunks>) -> MutexGuard<'_, Chunks> {
    chunks.lock().unwrap_or_else(PoisonError::into_inner)
}
