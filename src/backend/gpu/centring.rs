//! A lane's tile less the job's centre, made once per tile when it is first asked for.

use super::GpuBackend;
use super::buffers::{Buffers, make};
use super::centre;
use super::kernels::distance_variant;
use super::lane::{Bound, GpuLane};
use super::plan::{OCTET, Plan};
use super::split::{largest_f64, split};
use super::submit::{Recorder, defect};
use crate::backend::Job;
use crate::base::error::Result;

/// The kernel, with the centre on the device.
pub(super) struct Centring {
    bound: Bound,
    /// The centre's largest magnitude.
    largest: f64,
    /// Whether the tile that was last handed over is done.
    pub(super) done: bool,
}

impl Centring {
    /// Uploads the centre; `None` where nothing reads centred rows.
    pub(super) fn new(gpu: &GpuBackend, job: &Job<'_>, plan: &Plan, buffers: &Buffers) -> Result<Option<Centring>> {
        let Some(centred) = &buffers.centred else { return Ok(None) };
        if job.centre.len() != job.dim {
            return Err(defect("the centre doesn't have as many columns as the rows"));
        }
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
        let mut planes = [vec![0.0_f32; plan.octets as usize * OCTET], vec![0.0_f32; plan.octets as usize * OCTET]];
        for (column, &value) in job.centre.iter().enumerate() {
            (planes[0][column], planes[1][column]) = split(value);
        }
        let [high, rest] = ["centre", "centre, rest"].map(|label| make(gpu, label, plan.centroid_row, usage));
        gpu.queue.write_buffer(&high, 0, bytemuck::cast_slice(&planes[0]));
        gpu.queue.write_buffer(&rest, 0, bytemuck::cast_slice(&planes[1]));
        let pipeline = gpu.pipelines.get(&gpu.device, &centre::KERNEL, 0, distance_variant(job.dtype, true))?;
        let storage = [&buffers.points, &high, &rest, centred];
        let bindings = pipeline.bind(&gpu.device, &centre::KERNEL, &storage, &buffers.uniforms);
        let largest = largest_f64(bytemuck::cast_slice(&job.centre));
        Ok(Some(Centring { bound: (pipeline, bindings), largest, done: false }))
    }
}

impl GpuLane<'_> {
    /// Records the centring of the tile, unless that was done before.
    pub(super) fn centre_tile(&mut self, recorder: &mut Recorder<'_>) -> Result<()> {
        let octets = u32::try_from(self.tile.rows()).ok().and_then(|rows| rows.checked_mul(self.plan.octets));
        let octets = octets.ok_or_else(|| defect("a tile has more than 2^32 octets"))?;
        let Some(centring) = self.centring.as_mut().filter(|centring| !centring.done) else { return Ok(()) };
        centre::record(recorder, (&centring.bound.0, &centring.bound.1), octets, self.plan.octets)?;
        centring.done = true;
        Ok(())
    }

    /// Whether float32 holds the squares of a row of the tile less the centre.
    pub(super) fn centred_computable(&self, row: usize) -> bool {
        let centre = self.centring.as_ref().map_or(f64::NAN, |centring| centring.largest);
        self.plan.computable(centre) && self.plan.computable(self.tile.largest(row))
    }
}
