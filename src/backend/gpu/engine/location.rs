//! Where a tile's rows are on the device: in the lane's own buffer, or among the points that the device keeps.

use super::device::GpuDevice;
use super::kernel::Kernel;
use super::pipeline::{Bound, Pipeline, PointSlice};

/// A tile's rows on the device.
#[derive(Debug, Clone)]
pub(crate) struct TileLocation {
    pub(crate) slice: PointSlice,
    /// Row of the slice for each row of the tile; `None` if they are the same.
    pub(crate) rows: Option<Vec<u32>>,
}

impl TileLocation {
    /// Row of the slice that holds row `row` of the tile.
    pub(crate) fn row(&self, row: u32) -> u32 {
        self.rows.as_ref().map_or(row, |rows| rows[row as usize])
    }
}

/// A kernel whose first binding is the tile's points. Bindings are renewed when the tile is at another location.
pub(crate) struct PointKernel {
    kernel: &'static Kernel,
    pipeline: Pipeline,
    /// The bindings after the points.
    storage: Vec<wgpu::Buffer>,
    uniforms: wgpu::Buffer,
    bound: Option<(PointSlice, Bound)>,
}

impl PointKernel {
    /// `pipeline` belongs to `kernel`.
    pub(crate) fn new(
        kernel: &'static Kernel,
        pipeline: Pipeline,
        storage: &[&wgpu::Buffer],
        uniforms: &wgpu::Buffer,
    ) -> PointKernel {
        let storage = storage.iter().copied().cloned().collect();
        PointKernel { kernel, pipeline, storage, uniforms: uniforms.clone(), bound: None }
    }

    /// The kernel, bound to the points of `location`.
    pub(crate) fn bound(&mut self, gpu: &GpuDevice, location: &TileLocation) -> &Bound {
        let PointKernel { kernel, pipeline, storage, uniforms, bound } = self;
        let known = bound.take().filter(|(slice, _)| *slice == location.slice);
        let (_, bound) = bound.insert(known.unwrap_or_else(|| {
            let storage: Vec<&wgpu::Buffer> = storage.iter().collect();
            let bindings = pipeline.bind_points(&gpu.device, kernel, &location.slice, &storage, uniforms);
            (location.slice.clone(), (pipeline.clone(), bindings))
        }));
        bound
    }
}
