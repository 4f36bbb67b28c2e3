//! The buffers of a lane, allocated once and reused for every tile.

use super::device::GpuDevice;
use super::fault::Raised;
use super::memory::{Staging, make};
use super::plan::{BEST_BYTES, ENTRY_BYTES, NEAREST_BYTES, NEAREST_HEADER_BYTES, RUN_BYTES, SQUARED_BYTES, TilePlan};
use super::pool::DeviceBuffer;
use super::submit::uniform_bytes;
use super::units::{SEARCH_STEP, wide};

/// The buffers of a lane.
pub(crate) struct Buffers {
    /// The tile's rows, padded.
    pub(crate) points: DeviceBuffer,
    /// Rows on their way to the device. One is filled while the other is copied.
    pub(crate) points_staging: [Staging; 2],
    /// Row numbers of a tile among the kept points, and their staging; `None` if the job keeps no points.
    pub(crate) list: Option<(DeviceBuffer, Staging)>,
    /// Sorted rows of the current level.
    pub(crate) entries: DeviceBuffer,
    /// Squared distances of the current level, in sorted order.
    pub(crate) squared: DeviceBuffer,
    /// Sums per run of the current level.
    pub(crate) runs: DeviceBuffer,
    /// Centroids of levels that are not resident: hi parts, and lo parts if a level is float64.
    pub(crate) gathered: Option<(DeviceBuffer, Option<DeviceBuffer>)>,
    /// Entries and gathered centroids of all levels.
    pub(crate) inputs_staging: Staging,
    /// Runs and squared distances of all levels.
    pub(crate) readback: DeviceBuffer,
    /// Parameter blocks.
    pub(crate) uniforms: DeviceBuffer,
    /// A block of the distance matrix, and its read-back buffer.
    pub(crate) block: Option<(DeviceBuffer, DeviceBuffer)>,
    /// The tile's rows minus the centre; `None` if no operation reads them.
    pub(crate) centred: Option<DeviceBuffer>,
    /// The centre, as hi and lo parts; `None` if no operation reads centred rows.
    pub(crate) centre: Option<[DeviceBuffer; 2]>,
    /// `None` if the job searches nothing.
    pub(crate) search: Option<SearchBuffers>,
    /// `None` if the job asks for no sums by label.
    pub(crate) sums: Option<SumBuffers>,
}

/// Buffers of the top-2 search.
pub(crate) struct SearchBuffers {
    /// Four candidates of each row.
    pub(crate) best: DeviceBuffer,
    /// Read-back buffer of the candidates, their distances or the nearest two of every row.
    pub(crate) readback: DeviceBuffer,
    /// `None` if the host measures the candidates of every level.
    pub(crate) candidates: Option<CandidateBuffers>,
    /// `None` if the centroids of every searched level stay on the device.
    pub(crate) stream: Option<CentroidStream>,
}

/// Buffers in which the device measures and decides candidates.
pub(crate) struct CandidateBuffers {
    /// Four entries of each row.
    pub(crate) entries: DeviceBuffer,
    /// Four squared distances of each row.
    pub(crate) squared: DeviceBuffer,
    /// The nearest two of each row.
    pub(crate) nearest: DeviceBuffer,
}

impl CandidateBuffers {
    fn new(gpu: &GpuDevice, rows: u64) -> CandidateBuffers {
        use wgpu::BufferUsages as Usage;
        let output = Usage::STORAGE | Usage::COPY_SRC;
        CandidateBuffers {
            entries: make(gpu, "candidates", rows * 4 * ENTRY_BYTES, Usage::STORAGE),
            squared: make(gpu, "distances to candidates", rows * 4 * SQUARED_BYTES, output),
            nearest: make(gpu, "nearest two", NEAREST_HEADER_BYTES + rows * NEAREST_BYTES, output | Usage::COPY_DST),
        }
    }
}

/// Buffers of the sums by label.
pub(crate) struct SumBuffers {
    /// Start of each run, then the sorted rows; of two labellings together.
    pub(crate) order: DeviceBuffer,
    pub(crate) order_staging: Staging,
    /// Sums of some runs, and their read-back buffer.
    pub(crate) sums: DeviceBuffer,
    pub(crate) readback: DeviceBuffer,
}

impl Buffers {
    /// Allocates all buffers for `plan`.
    pub(crate) fn new(gpu: &GpuDevice, plan: &TilePlan) -> std::result::Result<Buffers, Raised> {
        gpu.scoped(|| Buffers::allocate(gpu, plan))
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
        let remeasures = (0..plan.resident.len()).any(|level| plan.remeasures(level));
        let search_readback = BEST_BYTES + NEAREST_HEADER_BYTES + rows * (BEST_BYTES + 4 * SQUARED_BYTES);
        let search = plan.searches().then(|| SearchBuffers {
            best: make(gpu, "best scores", rows * BEST_BYTES, output),
            readback: make(gpu, "best scores, read back", search_readback, Usage::MAP_READ),
            candidates: remeasures.then(|| CandidateBuffers::new(gpu, rows)),
            stream: plan.streams().then(|| CentroidStream::new(gpu, plan)),
        });
        let sums = (plan.sums_bytes > 0).then(|| SumBuffers {
            order: make(gpu, "order of rows", (4 * rows + 1) * 4, input),
            order_staging: Staging::new(gpu, "order of rows, staging", (4 * rows + 1) * 4),
            sums: make(gpu, "sums by label", plan.sums_bytes, output),
            readback: make(gpu, "sums by label, read back", plan.sums_bytes, Usage::MAP_READ),
        });
        let inputs = levels * rows * ENTRY_BYTES + gather_levels * planes * gathered_bytes;
        Buffers {
            points: make(gpu, "points", rows * plan.point_row, input),
            points_staging: std::array::from_fn(|_| {
                Staging::new(gpu, "points, staging", wide(plan.staged_rows()) * plan.point_row)
            }),
            list: plan.keeps.then(|| {
                (
                    make(gpu, "rows of the tile", rows * 4, input),
                    Staging::new(gpu, "rows of the tile, staging", rows * 4),
                )
            }),
            entries: make(gpu, "entries", rows * ENTRY_BYTES, input),
            squared: make(gpu, "squared distances", rows * SQUARED_BYTES, output),
            runs: make(gpu, "runs", rows * RUN_BYTES, output),
            gathered,
            inputs_staging: Staging::new(gpu, "inputs, staging", inputs),
            readback: make(gpu, "read back", levels * rows * (RUN_BYTES + SQUARED_BYTES), Usage::MAP_READ),
            uniforms: make(gpu, "parameters", uniform_bytes(gpu), Usage::UNIFORM | Usage::COPY_DST),
            block,
            centre: plan
                .searches()
                .then(|| ["centre", "centre, lo parts"].map(|label| make(gpu, label, plan.centroid_row, input))),
            centred: plan.searches().then(|| make(gpu, "centred points", rows * plan.centroid_row, Usage::STORAGE)),
            search,
            sums,
        }
    }
}

/// Centred centroids on the device, padded to a multiple of [`SEARCH_STEP`].
#[derive(Debug)]
pub(crate) struct CentroidBlock {
    pub(crate) centroids: DeviceBuffer,
    pub(crate) norms: DeviceBuffer,
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

    pub(crate) fn into_buffers(self) -> [DeviceBuffer; 2] {
        [self.centroids, self.norms]
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
