//! The buffers of a lane, allocated once and reused for every tile.

use super::device::GpuDevice;
use super::fault::{Raised, scoped};
use super::memory::{Staging, make};
use super::plan::{BEST_BYTES, ENTRY_BYTES, RUN_BYTES, SQUARED_BYTES, TilePlan};
use super::submit::uniform_bytes;
use super::units::{SEARCH_STEP, wide};

/// The buffers of a lane.
pub(crate) struct Buffers {
    /// The tile's rows, padded.
    pub(crate) points: wgpu::Buffer,
    pub(crate) points_staging: Staging,
    /// Sorted rows of the current level.
    pub(crate) entries: wgpu::Buffer,
    /// Squared distances of the current level, in sorted order.
    pub(crate) squared: wgpu::Buffer,
    /// Sums per run of the current level.
    pub(crate) runs: wgpu::Buffer,
    /// Centroids of levels that are not resident: hi parts, and lo parts if a level is float64.
    pub(crate) gathered: Option<(wgpu::Buffer, Option<wgpu::Buffer>)>,
    /// Entries and gathered centroids of all levels.
    pub(crate) inputs_staging: Staging,
    /// Runs and squared distances of all levels.
    pub(crate) readback: wgpu::Buffer,
    /// Parameter blocks.
    pub(crate) uniforms: wgpu::Buffer,
    /// A block of the distance matrix, and its read-back buffer.
    pub(crate) block: Option<(wgpu::Buffer, wgpu::Buffer)>,
    /// The tile's rows minus the centre; `None` if no operation reads them.
    pub(crate) centred: Option<wgpu::Buffer>,
    /// `None` if the job searches nothing.
    pub(crate) search: Option<SearchBuffers>,
    /// `None` if the job asks for no sums by label.
    pub(crate) sums: Option<SumBuffers>,
}

/// Buffers of the top-2 search.
pub(crate) struct SearchBuffers {
    /// Four candidates of each row, and their read-back buffer.
    pub(crate) best: wgpu::Buffer,
    pub(crate) readback: wgpu::Buffer,
    /// `None` if the centroids of every searched level stay on the device.
    pub(crate) stream: Option<CentroidStream>,
}

/// Buffers of the sums by label.
pub(crate) struct SumBuffers {
    /// Start of each run, then the sorted rows.
    pub(crate) order: wgpu::Buffer,
    pub(crate) order_staging: Staging,
    /// Sums of some runs, and their read-back buffer.
    pub(crate) sums: wgpu::Buffer,
    pub(crate) readback: wgpu::Buffer,
}

impl Buffers {
    /// Allocates all buffers for `plan`.
    pub(crate) fn new(gpu: &GpuDevice, plan: &TilePlan) -> std::result::Result<Buffers, Raised> {
        scoped(&gpu.device, || Buffers::allocate(gpu, plan))
    }

    fn allocate(gpu: &GpuDevice, plan: &TilePlan) -> Buffers {
        use wgpu::BufferUsages as Usage;
        let rows = wide(plan.tile_rows);
        let levels = wide(plan.resident.len());
        let gathered_bytes = rows * plan.centroid_row;
        let planes = if plan.gather_lo { 2 } else { 1 };
        let gather_levels = wide(plan.resident.iter().filter(|resident| !**resident).count());
        let input = Usage::STORAGE | Usage::COPY_DST;
        let output = Usage::STORAGE | Usage::COPY_SRC;
        let gathered = plan.gathers().then(|| {
            let lo = plan.gather_lo.then(|| make(gpu, "gathered centroids, lo parts", gathered_bytes, input));
            (make(gpu, "gathered centroids", gathered_bytes, input), lo)
        });
        let block = (plan.block_bytes > 0).then(|| {
            let readback = make(gpu, "distance block, read back", plan.block_bytes, Usage::MAP_READ);
            (make(gpu, "distance block", plan.block_bytes, output), readback)
        });
        let search = plan.searches().then(|| SearchBuffers {
            best: make(gpu, "best scores", rows * BEST_BYTES, output),
            readback: make(gpu, "best scores, read back", rows * BEST_BYTES, Usage::MAP_READ),
            stream: plan.streams().then(|| CentroidStream::new(gpu, plan)),
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
            centred: plan.searches().then(|| make(gpu, "centred points", rows * plan.centroid_row, Usage::STORAGE)),
            search,
            sums,
        }
    }
}

/// Centred centroids on the device, padded to a multiple of [`SEARCH_STEP`].
#[derive(Debug)]
pub(crate) struct CentroidBlock {
    pub(crate) centroids: wgpu::Buffer,
    pub(crate) norms: wgpu::Buffer,
}

impl CentroidBlock {
    pub(crate) fn new(gpu: &GpuDevice, plan: &TilePlan, places: usize) -> CentroidBlock {
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
        let padded = wide(places.next_multiple_of(SEARCH_STEP as usize));
        CentroidBlock {
            centroids: make(gpu, "centred centroids", padded * plan.centroid_row, usage),
            norms: make(gpu, "norms", padded * 4, usage),
        }
    }
}

/// A lane's block of centroids for levels that don't stay on the device. Each block of the level overwrites the last.
pub(crate) struct CentroidStream {
    pub(crate) block: CentroidBlock,
    pub(crate) staging: Staging,
}

impl CentroidStream {
    pub(crate) fn new(gpu: &GpuDevice, plan: &TilePlan) -> CentroidStream {
        let bytes = wide(plan.search_block) * (plan.centroid_row + 4);
        CentroidStream {
            block: CentroidBlock::new(gpu, plan, plan.search_block),
            staging: Staging::new(gpu, "centred centroids, staging", bytes),
        }
    }
}
