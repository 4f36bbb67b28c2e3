//! Recording and submitting work.

use bytemuck::Pod;

use super::device::GpuDevice;
use super::fault::defect;
use super::pipeline::Pipeline;
use super::units::wide;
use crate::base::error::Result;

/// Parameter blocks of one submission.
const PARAM_SLOTS: usize = 256;

/// The workgroups of one dispatch: workgroup (x, y) has the number `first_group + y * groups_x + x`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grid {
    pub(crate) groups_x: u32,
    pub(crate) first_group: u32,
}

/// Records copies and dispatches. It submits whenever its parameter blocks are used up, and at the end.
pub(crate) struct Recorder<'g> {
    gpu: &'g GpuDevice,
    uniforms: wgpu::Buffer,
    encoder: wgpu::CommandEncoder,
    params: Vec<u8>,
    slot: usize,
}

impl<'g> Recorder<'g> {
    /// Starts recording. `uniforms` has [`uniform_bytes`] bytes and belongs to the lane.
    pub(crate) fn new(gpu: &'g GpuDevice, uniforms: &wgpu::Buffer) -> Recorder<'g> {
        Recorder { gpu, uniforms: uniforms.clone(), encoder: encoder(gpu), params: Vec::new(), slot: uniform_slot(gpu) }
    }

    /// Copies `bytes` bytes (a multiple of 4) between buffers.
    pub(crate) fn copy(&mut self, from: (&wgpu::Buffer, u64), to: (&wgpu::Buffer, u64), bytes: u64) {
        if bytes > 0 {
            self.encoder.copy_buffer_to_buffer(from.0, from.1, to.0, to.1, bytes);
        }
    }

    /// Fills `bytes` bytes (a multiple of 4) of a buffer with zeros.
    pub(crate) fn clear(&mut self, buffer: &wgpu::Buffer, offset: u64, bytes: u64) {
        self.encoder.clear_buffer(buffer, offset, Some(bytes));
    }

    /// Dispatches `groups` workgroups, in as many pieces as the limit per dimension requires.
    pub(crate) fn dispatch<P: Pod>(
        &mut self,
        pipeline: &Pipeline,
        bindings: &wgpu::BindGroup,
        groups: u32,
        params: impl Fn(Grid) -> P,
    ) -> Result<()> {
        let most = self.gpu.limits.max_compute_workgroups_per_dimension;
        let mut first_group = 0_u32;
        while first_group < groups {
            let left = groups - first_group;
            let groups_x = left.min(most);
            let groups_y = left.div_ceil(groups_x).min(most);
            let offset = self.place(bytemuck::bytes_of(&params(Grid { groups_x, first_group })))?;
            let mut pass = self.encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.set_pipeline(&pipeline.pipeline);
            pass.set_bind_group(0, bindings, &[offset]);
            pass.dispatch_workgroups(groups_x, groups_y, 1);
            self.gpu.counters.dispatch();
            first_group = first_group.saturating_add(groups_x.saturating_mul(groups_y));
        }
        Ok(())
    }

    /// Copies one parameter block into the next slot and returns its offset.
    fn place(&mut self, block: &[u8]) -> Result<u32> {
        if self.params.len() >= PARAM_SLOTS * self.slot {
            let full = std::mem::replace(&mut self.encoder, encoder(self.gpu));
            self.flush(full);
        }
        let offset = self.params.len();
        self.params.extend_from_slice(block);
        self.params.resize(offset + self.slot, 0);
        u32::try_from(offset).map_err(|_| defect("the parameter buffer is too large"))
    }

    fn flush(&mut self, encoder: wgpu::CommandEncoder) -> wgpu::SubmissionIndex {
        if !self.params.is_empty() {
            self.gpu.write(&self.uniforms, 0, &self.params);
            self.params.clear();
        }
        self.gpu.submit(Some(encoder.finish()))
    }

    /// Submits what was recorded.
    pub(crate) fn submit(mut self) -> wgpu::SubmissionIndex {
        let rest = std::mem::replace(&mut self.encoder, encoder(self.gpu));
        self.flush(rest)
    }
}

fn encoder(gpu: &GpuDevice) -> wgpu::CommandEncoder {
    gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("tile") })
}

/// Distance between parameter blocks, in bytes.
fn uniform_slot(gpu: &GpuDevice) -> usize {
    const LARGEST: u32 = 64;
    gpu.limits.min_uniform_buffer_offset_alignment.max(LARGEST) as usize
}

/// Bytes of a lane's parameter buffer.
pub(crate) fn uniform_bytes(gpu: &GpuDevice) -> u64 {
    wide(PARAM_SLOTS * uniform_slot(gpu))
}
