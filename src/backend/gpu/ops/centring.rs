//! The current tile minus the job's centre, computed once per tile on first use.

use crate::backend::gpu::engine::fault::defect;
use crate::backend::gpu::engine::hi_lo::{hi_lo, largest_f64};
use crate::backend::gpu::engine::kernel::distance_variant;
use crate::backend::gpu::engine::lane::LaneState;
use crate::backend::gpu::engine::memory::make;
use crate::backend::gpu::engine::pipeline::Bound;
use crate::backend::gpu::engine::submit::Recorder;
use crate::backend::gpu::engine::units::OCTET;
use crate::backend::gpu::kernels::centre;
use crate::base::error::Result;

/// The kernel, bound to the centre on the device.
pub(crate) struct Centring {
    bound: Bound,
    /// The centre's largest magnitude.
    pub(crate) largest: f64,
    /// Whether the current tile is centred.
    done: bool,
}

impl Centring {
    /// Uploads the centre; `None` if no operation reads centred rows.
    pub(crate) fn new(lane: &LaneState<'_>) -> Result<Option<Centring>> {
        let LaneState { gpu, job, plan, buffers, .. } = lane;
        let Some(centred) = &buffers.centred else { return Ok(None) };
        if job.centre.len() != job.dim {
            return Err(defect("the centre and the rows differ in their number of columns"));
        }
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
        let mut planes = [vec![0.0_f32; plan.octets as usize * OCTET], vec![0.0_f32; plan.octets as usize * OCTET]];
        for (column, &value) in job.centre.iter().enumerate() {
            (planes[0][column], planes[1][column]) = hi_lo(value);
        }
        let [hi, lo] = ["centre", "centre, lo parts"].map(|label| make(gpu, label, plan.centroid_row, usage));
        gpu.queue.write_buffer(&hi, 0, bytemuck::cast_slice(&planes[0]));
        gpu.queue.write_buffer(&lo, 0, bytemuck::cast_slice(&planes[1]));
        let pipeline = gpu.pipeline(&centre::KERNEL, 0, distance_variant(job.dtype, true))?;
        let storage = [&buffers.points, &hi, &lo, centred];
        let bindings = pipeline.bind(&gpu.device, &centre::KERNEL, &storage, &buffers.uniforms);
        let largest = largest_f64(bytemuck::cast_slice(&job.centre));
        Ok(Some(Centring { bound: (pipeline, bindings), largest, done: false }))
    }

    /// Call when a new tile arrives.
    pub(crate) fn forget(&mut self) {
        self.done = false;
    }

    /// Records the centring of the tile, unless it was recorded before.
    pub(crate) fn record(&mut self, lane: &LaneState<'_>, recorder: &mut Recorder<'_>) -> Result<()> {
        let octets = u32::try_from(lane.tile.rows()).ok().and_then(|rows| rows.checked_mul(lane.plan.octets));
        let octets = octets.ok_or_else(|| defect("a tile has more than 2^32 octets"))?;
        if !self.done {
            centre::record(recorder, &self.bound, octets, lane.plan.octets)?;
            self.done = true;
        }
        Ok(())
    }

    /// Whether float32 holds the squares of a centred row of the tile.
    pub(crate) fn computable(&self, lane: &LaneState<'_>, row: usize) -> bool {
        lane.plan.computable(self.largest) && lane.plan.computable(lane.tile.largest(row))
    }
}
