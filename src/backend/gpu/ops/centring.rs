//! The current tile minus the job's centre, computed once per tile on first use.

use crate::backend::gpu::engine::device::GpuDevice;
use crate::backend::gpu::engine::fault::defect;
use crate::backend::gpu::engine::hi_lo::hi_lo;
use crate::backend::gpu::engine::kernel::distance_variant;
use crate::backend::gpu::engine::lane::LaneState;
use crate::backend::gpu::engine::location::{PointKernel, TileLocation};
use crate::backend::gpu::engine::memory::Staging;
use crate::backend::gpu::engine::pool::DeviceBuffer;
use crate::backend::gpu::engine::submit::Recorder;
use crate::backend::gpu::engine::units::{OCTET, wide};
use crate::backend::gpu::kernels::centre::{self, CentreDispatch};
use crate::base::error::Result;
use crate::base::magnitude;
use crate::base::matrix::Dtype;

/// The kernel, bound to the centre on the device.
pub(crate) struct Centring {
    kernel: PointKernel,
    /// The centre's largest magnitude.
    pub(crate) largest: f64,
    /// Whether the current tile is centred.
    done: bool,
}

impl Centring {
    /// Uploads the centre; `None` if no operation reads centred rows.
    pub(crate) fn new(lane: &LaneState<'_>) -> Result<Option<Centring>> {
        let LaneState { gpu, job, plan, buffers, .. } = lane;
        let (Some(centred), Some([hi, lo])) = (&buffers.centred, &buffers.centre) else { return Ok(None) };
        if job.centre.len() != job.dim {
            return Err(defect("the centre and the rows differ in their number of columns"));
        }
        let mut planes = [vec![0.0_f32; plan.octets as usize * OCTET], vec![0.0_f32; plan.octets as usize * OCTET]];
        for (column, &value) in job.centre.iter().enumerate() {
            (planes[0][column], planes[1][column]) = hi_lo(value);
        }
        gpu.write(hi, 0, bytemuck::cast_slice(&planes[0]));
        gpu.write(lo, 0, bytemuck::cast_slice(&planes[1]));
        let pipeline = gpu.pipeline(&centre::KERNEL, 0, distance_variant(job.dtype, true))?;
        // if there is no list, the kernel reads none, but something must be bound
        let list = buffers.list.as_ref().map_or(&buffers.entries, |(list, _)| list);
        let storage: [&wgpu::Buffer; 4] = [hi, lo, list, centred];
        let kernel = PointKernel::new(&centre::KERNEL, pipeline, &storage, &buffers.uniforms);
        let largest = magnitude::largest(Dtype::F64, bytemuck::cast_slice(&job.centre));
        Ok(Some(Centring { kernel, largest, done: false }))
    }

    /// Call when a new tile arrives.
    pub(crate) fn forget(&mut self) {
        self.done = false;
    }

    /// Records the centring of the tile, unless it was recorded before. If this call recorded it, it returns true, and
    /// `submitted` must be called after the submission.
    pub(crate) fn record(&mut self, lane: &mut LaneState<'_>, recorder: &mut Recorder<'_>) -> Result<bool> {
        let octets = u32::try_from(lane.tile.rows()).ok().and_then(|rows| rows.checked_mul(lane.plan.octets));
        let octets = octets.ok_or_else(|| defect("a tile has more than 2^32 octets"))?;
        if !self.done {
            let listed = lane.location.rows.is_some();
            if let (Some(rows), Some((list, staging))) = (&lane.location.rows, &mut lane.buffers.list) {
                let bytes: &[u8] = bytemuck::cast_slice(rows);
                staging.write(lane.gpu, wide(bytes.len()), |mut memory| {
                    memory.copy_from_slice(bytes);
                    Ok(())
                })?;
                recorder.copy((&staging.buffer, 0), (list, 0), wide(bytes.len()));
            }
            let work = CentreDispatch { octets, stride: lane.plan.octets, listed };
            centre::record(recorder, self.kernel.bound(lane.gpu, &lane.location), work)?;
            self.done = true;
            return Ok(true);
        }
        Ok(false)
    }

    /// Call after the submission that centres the tile: makes the list's staging writable again.
    pub(crate) fn submitted(
        gpu: &GpuDevice,
        location: &TileLocation,
        list: &mut Option<(DeviceBuffer, Staging)>,
        submission: &wgpu::SubmissionIndex,
    ) {
        if let (Some(_), Some((_, staging))) = (&location.rows, list) {
            staging.recycle(gpu, submission);
        }
    }

    /// Whether float32 holds the squares of a centred row of the tile.
    pub(crate) fn computable(&self, lane: &LaneState<'_>, row: usize) -> bool {
        lane.plan.computable(self.largest) && lane.plan.computable(lane.tile.largest(row))
    }
}
