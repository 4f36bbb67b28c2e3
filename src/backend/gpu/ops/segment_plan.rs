//! How sums of distances are divided among calls and runs, and the buffers of a lane.

use super::segment_runs::Limits;
use super::shared_points::{may_stay, row_bytes};
use crate::backend::gpu::engine::device::GpuDevice;
use crate::backend::gpu::engine::memory::{STAMP_BYTES, Staging, make};
use crate::backend::gpu::engine::options::KernelShape;
use crate::backend::gpu::engine::pool::DeviceBuffer;
use crate::backend::gpu::engine::submit::uniform_bytes;
use crate::backend::gpu::engine::units::wide;
use crate::backend::gpu::kernels::{distance_sums, distance_sums_tile};
use crate::backend::{DistanceTiling, PointSet};
use crate::base::numeric::to_usize;

/// Most bytes of sums that one submission computes. Every lane has as much memory that host and device share, which is slow to
/// allocate.
const SUMS_BYTES: u64 = 8 << 20;

/// Most bytes of points that a submission uploads.
const POINT_BYTES: u64 = 64 << 20;

/// Most points in one call on a software rasterizer and on a GPU.
const SOFTWARE_POINTS: usize = 1024;
const GPU_POINTS: usize = 8192;

/// Outer points of a call that occupy a GPU.
const FILLING_OUTER: usize = 1024;

/// Most lanes of a discrete GPU. While the device computes the sums of one, the others add up theirs.
const MOST_LANES: usize = 4;

/// Buffers of a lane.
pub(crate) struct SegmentBuffers {
    /// `None` if all points stay on the device.
    pub(crate) inner: Option<DeviceBuffer>,
    /// Most points of a submission.
    pub(crate) inner_points: usize,
    pub(crate) runs: DeviceBuffer,
    pub(crate) sums: DeviceBuffer,
    pub(crate) readback: DeviceBuffer,
    /// Inner points, then runs and strips.
    pub(crate) staging: Staging,
    pub(crate) uniforms: DeviceBuffer,
    sums_bytes: u64,
}

impl SegmentBuffers {
    /// `row_bytes` is 0 if no points are uploaded for each submission.
    pub(crate) fn new(gpu: &GpuDevice, tiling: DistanceTiling, row_bytes: u64) -> SegmentBuffers {
        use wgpu::BufferUsages as Usage;
        let input = Usage::STORAGE | Usage::COPY_DST;
        let (inner, outer) = (wide(tiling.inner), wide(tiling.outer));
        let binding = gpu.limits.max_storage_buffer_binding_size;
        // No run is empty.
        let most = inner.saturating_mul(outer).saturating_mul(4).min(SUMS_BYTES).max(outer * 4);
        let sums_bytes = most.min(binding - STAMP_BYTES) + STAMP_BYTES;
        let fitting = POINT_BYTES.min(binding).checked_div(row_bytes).unwrap_or(inner);
        let inner_points = inner.min(fitting).max(1);
        let rows = inner_points * row_bytes;
        // Each run may be a strip.
        let runs = inner * 16;
        SegmentBuffers {
            inner: (row_bytes > 0).then(|| make(gpu, "inner points", rows, input)),
            inner_points: to_usize(inner_points),
            runs: make(gpu, "runs of inner points", runs, input),
            sums: make(gpu, "sums of distances", sums_bytes, Usage::STORAGE | Usage::COPY_SRC),
            readback: make(gpu, "sums of distances, read back", sums_bytes, Usage::MAP_READ),
            staging: Staging::new(gpu, "points, staging", rows + runs),
            uniforms: make(gpu, "parameters", uniform_bytes(gpu), Usage::UNIFORM | Usage::COPY_DST),
            sums_bytes,
        }
    }

    /// Bytes of sums of one submission.
    pub(crate) fn room(&self) -> u64 {
        self.sums_bytes - STAMP_BYTES
    }
}

/// Most runs that are cut together. The number of outer points must not decide it, since that may follow from the host: where a
/// run is cut decides the last bits. A call has no more outer than inner points, so the sums fit.
pub(crate) fn most_runs(gpu: &GpuDevice, tiling: DistanceTiling) -> usize {
    let most = SUMS_BYTES.min(gpu.limits.max_storage_buffer_binding_size - STAMP_BYTES);
    to_usize(most / (4 * wide(tiling.inner.max(1)))).max(1)
}

/// Whether a device adds up in register tiles.
pub(crate) fn in_tiles(gpu: &GpuDevice) -> bool {
    !matches!(gpu.options.kernel_shape, KernelShape::PerInvocation | KernelShape::WorkgroupTile)
}

/// `Backend::distance_tiling`. The number of inner points decides the last bits of the sums, so it follows from the device and
/// the columns alone. That of outer points and lanes may follow from the host.
pub(crate) fn tiling(gpu: &GpuDevice, points: &PointSet) -> DistanceTiling {
    let binding = gpu.limits.max_storage_buffer_binding_size;
    // The sums of a run for all outer points come back together.
    let fits = (binding.min(POINT_BYTES) / row_bytes(points)).min(binding.saturating_sub(STAMP_BYTES) / 8).max(1);
    let fits = usize::try_from(fits).unwrap_or(usize::MAX);
    let n = points.len().max(1);
    // A software rasterizer needs the cores for itself.
    if gpu.info.kind == "software" {
        let side = SOFTWARE_POINTS.min(fits).min(n);
        return DistanceTiling { outer: side, inner: side, lanes: 1, symmetric: false };
    }
    let side = GPU_POINTS.min(fits).min(n);
    if gpu.info.kind != "discrete" || !may_stay(gpu, points) {
        // A second lane packs while the first one computes.
        return DistanceTiling { outer: side, inner: side, lanes: 2, symmetric: false };
    }
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let lanes = (cores / 2).clamp(2, MOST_LANES);
    // Each lane gets as many calls as any other.
    let rounds = n.div_ceil(lanes * GPU_POINTS);
    let even = n.div_ceil(lanes * rounds).next_multiple_of(distance_sums_tile::OUTER as usize);
    DistanceTiling { outer: even.max(FILLING_OUTER).min(side), inner: side, lanes, symmetric: false }
}

/// Limits of the kernel; `None` if rows are too wide for it.
pub(crate) fn limits(tiles: bool, octets: u32) -> Option<Limits> {
    if tiles {
        let strip = distance_sums_tile::strip(octets)?;
        return Some(Limits { run: distance_sums::MOST_INNER.min(strip), strip, runs: usize::MAX });
    }
    // A workgroup processes one run.
    let run = distance_sums::most_inner(octets)?;
    Some(Limits { run, strip: run, runs: 1 })
}
