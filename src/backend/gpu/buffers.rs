//! The buffers of a lane, allocated once and reused for every tile.

use super::GpuBackend;
use super::fault::{Raised, scoped};
use super::plan::{BEST_BYTES, ENTRY_BYTES, Plan, RUN_BYTES, SQUARED_BYTES, wide};
use super::searched::Stream;
use super::submit::{Mapping, uniform_bytes};
use crate::base::error::Result;

/// Host memory that the device copies from. Mapped again as soon as a submission is done with it: a fresh buffer for
/// each tile costs several times the copy.
pub(super) struct Staging {
    pub(super) buffer: wgpu::Buffer,
    mapping: Option<(Mapping, Option<wgpu::SubmissionIndex>)>,
}

impl Staging {
    pub(super) fn new(gpu: &GpuBackend, label: &str, bytes: u64) -> Staging {
        Staging { buffer: make(gpu, label, bytes, wgpu::BufferUsages::MAP_WRITE), mapping: None }
    }

    /// Waits for the memory, lets `fill` write its first `bytes` bytes, and hands it to the device.
    pub(super) fn write(
        &mut self,
        gpu: &GpuBackend,
        bytes: u64,
        fill: impl FnOnce(wgpu::WriteOnly<'_, [u8]>) -> Result<()>,
    ) -> Result<()> {
        let (mapping, after) =
            self.mapping.take().unwrap_or_else(|| (gpu.map(&self.buffer, wgpu::MapMode::Write), None));
        gpu.wait(&mapping, after.as_ref())?;
        let filled = match self.buffer.slice(..bytes).get_mapped_range_mut() {
            Ok(mut view) => fill(view.slice(..)),
            Err(error) => gpu.failed("memory shared with the GPU can't be written", &error.to_string()),
        };
        self.buffer.unmap();
        filled
    }

    /// Asks for the memory back once `submission`, which copies from it, is done.
    pub(super) fn recycle(&mut self, gpu: &GpuBackend, submission: &wgpu::SubmissionIndex) {
        self.mapping = Some((gpu.map(&self.buffer, wgpu::MapMode::Write), Some(submission.clone())));
    }
}

/// Everything a lane owns on the device.
pub(super) struct Buffers {
    /// The tile's rows, padded.
    pub(super) points: wgpu::Buffer,
    pub(super) points_staging: Staging,
    /// Sorted rows of the level under way.
    pub(super) entries: wgpu::Buffer,
    /// Squared distances of the level under way, in sorted order.
    pub(super) squared: wgpu::Buffer,
    /// Sums per run of the level under way.
    pub(super) runs: wgpu::Buffer,
    /// Centroids of levels that are not resident: one plane, and the second where float64 asks for it.
    pub(super) gathered: Option<(wgpu::Buffer, Option<wgpu::Buffer>)>,
    /// Entries and gathered centroids of all levels.
    pub(super) inputs_staging: Staging,
    /// Runs and squared distances of all levels.
    pub(super) readback: wgpu::Buffer,
    /// Parameter blocks.
    pub(super) uniforms: wgpu::Buffer,
    /// A block of the distance matrix, and where the host reads it.
    pub(super) block: Option<(wgpu::Buffer, wgpu::Buffer)>,
    /// The tile's rows less the centre; only where something reads them.
    pub(super) centred: Option<wgpu::Buffer>,
    pub(super) search: Option<SearchBuffers>,
    pub(super) sums: Option<SumBuffers>,
}

/// What searches need.
pub(super) struct SearchBuffers {
    /// Four candidates of each row, and where the host reads them.
    pub(super) best: wgpu::Buffer,
    pub(super) readback: wgpu::Buffer,
    /// Only where some level doesn't stay on the device.
    pub(super) stream: Option<Stream>,
}

/// What sums by label need.
pub(super) struct SumBuffers {
    /// Where runs begin, then the rows in their order.
    pub(super) order: wgpu::Buffer,
    pub(super) order_staging: Staging,
    /// Sums of some runs, and where the host reads them.
    pub(super) sums: wgpu::Buffer,
    pub(super) readback: wgpu::Buffer,
}

impl Buffers {
    /// Allocates for `plan`.
    pub(super) fn new(gpu: &GpuBackend, plan: &Plan) -> std::result::Result<Buffers, Raised> {
        scoped(&gpu.device, || Buffers::allocate(gpu, plan))
    }

    fn allocate(gpu: &GpuBackend, plan: &Plan) -> Buffers {
        use wgpu::BufferUsages as Usage;
        let rows = wide(plan.tile_rows);
        let levels = wide(plan.resident.len());
        let gathered_bytes = rows * plan.centroid_row;
        let planes = if plan.gather_rest { 2 } else { 1 };
        let gather_levels = wide(plan.resident.iter().filter(|resident| !**resident).count());
        let input = Usage::STORAGE | Usage::COPY_DST;
        let output = Usage::STORAGE | Usage::COPY_SRC;
        let gathered = plan.gathers().then(|| {
            let rest = plan.gather_rest.then(|| make(gpu, "gathered centroids, rest", gathered_bytes, input));
            (make(gpu, "gathered centroids", gathered_bytes, input), rest)
        });
        let block = (plan.block_bytes > 0).then(|| {
            let readback = make(gpu, "distance block, read back", plan.block_bytes, Usage::MAP_READ);
            (make(gpu, "distance block", plan.block_bytes, output), readback)
        });
        let centred = plan.searches() || plan.sums_bytes > 0;
        let search = plan.searches().then(|| SearchBuffers {
            best: make(gpu, "best scores", rows * BEST_BYTES, output),
            readback: make(gpu, "best scores, read back", rows * BEST_BYTES, Usage::MAP_READ),
            stream: plan.streams().then(|| Stream::new(gpu, plan)),
        });
        let sums = (plan.sums_bytes > 0).then(|| SumBuffers {
            order: make(gpu, "order of rows", (2 * rows + 1) * 4, input),
            order_staging: Staging::new(gpu, "order of rows, staging", (2 * rows + 1) * 4),
            sums: make(gpu, "sums by label", plan.sums_bytes, output),
            readback: make(gpu, "sums by label, read back", plan.sums_bytes, Usage::MAP_READ),
        });
        let inputs = levels * rows * ENTRY_BYTES + gather_levels * planes * gathered_bytes;
        Buffers {
            points: make(gpu, "points", rows * plan.point_row, input),
            points_staging: Staging::new(gpu, "points, staging", rows * plan.point_row),
            entries: make(gpu, "entries", rows * ENTRY_BYTES, input),
            squared: make(gpu, "squared distances", rows * SQUARED_BYTES, output),
            runs: make(gpu, "runs", rows * RUN_BYTES, output),
            gathered,
            inputs_staging: Staging::new(gpu, "inputs, staging", inputs),
            readback: make(gpu, "read back", levels * rows * (RUN_BYTES + SQUARED_BYTES), Usage::MAP_READ),
            uniforms: make(gpu, "parameters", uniform_bytes(gpu), Usage::UNIFORM | Usage::COPY_DST),
            block,
            centred: centred.then(|| make(gpu, "centred points", rows * plan.centroid_row, Usage::STORAGE)),
            search,
            sums,
        }
    }
}

/// A buffer of at least 16 bytes, since empty ones can't be bound.
pub(super) fn make(gpu: &GpuBackend, label: &str, bytes: u64, usage: wgpu::BufferUsages) -> wgpu::Buffer {
    let mut usage = usage;
    if usage.contains(wgpu::BufferUsages::MAP_WRITE) {
        usage |= wgpu::BufferUsages::COPY_SRC;
    }
    if usage.contains(wgpu::BufferUsages::MAP_READ) {
        usage |= wgpu::BufferUsages::COPY_DST;
    }
    let size = bytes.max(16).next_multiple_of(16);
    gpu.device.create_buffer(&wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: false })
}

/// Reads the first `bytes` bytes of a buffer that `submission` filled.
pub(super) fn read<T>(
    gpu: &GpuBackend,
    buffer: &wgpu::Buffer,
    bytes: u64,
    submission: &wgpu::SubmissionIndex,
    decode: impl FnOnce(&[u8]) -> Result<T>,
) -> Result<T> {
    let mapping = gpu.map(buffer, wgpu::MapMode::Read);
    let waited = gpu.wait(&mapping, Some(submission));
    let decoded = match waited.map(|()| buffer.slice(..bytes).get_mapped_range()) {
        Ok(Ok(view)) => decode(&view),
        Ok(Err(error)) => gpu.failed("a result of the GPU can't be read", &error.to_string()),
        Err(error) => Err(error),
    };
    buffer.unmap();
    decoded
}
