//! Recording work, submitting it, and waiting for it.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use bytemuck::Pod;

use super::GpuBackend;
use super::kernels::Pipeline;
use super::plan::wide;
use crate::base::error::{Error, Finding, Result};

/// Parameter blocks of one submission.
const PARAM_SLOTS: usize = 256;

/// How long one wait lasts before the lost flag is looked at again.
const PATIENCE: Duration = Duration::from_secs(1);

/// A submission that takes longer than this is given up: drivers stop one after seconds.
const GIVE_UP: Duration = Duration::from_secs(600);

/// The answer of a `map_async`, once it came.
pub(super) type Mapping = Receiver<std::result::Result<(), wgpu::BufferAsyncError>>;

/// Which workgroups one dispatch does: `first_group + y * groups_x + x`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    pub(super) groups_x: u32,
    pub(super) first_group: u32,
}

/// Records copies and dispatches; submits when its parameter blocks are used up, and at the end.
pub(super) struct Recorder<'g> {
    gpu: &'g GpuBackend,
    uniforms: &'g wgpu::Buffer,
    encoder: wgpu::CommandEncoder,
    params: Vec<u8>,
    slot: usize,
}

impl<'g> Recorder<'g> {
    /// Starts recording; `uniforms` comes from [`uniform_bytes`] and belongs to the lane.
    pub(super) fn new(gpu: &'g GpuBackend, uniforms: &'g wgpu::Buffer) -> Recorder<'g> {
        Recorder { gpu, uniforms, encoder: encoder(gpu), params: Vec::new(), slot: uniform_slot(gpu) }
    }

    /// Copies `bytes` bytes (a multiple of 4) between buffers.
    pub(super) fn copy(&mut self, from: (&wgpu::Buffer, u64), to: (&wgpu::Buffer, u64), bytes: u64) {
        if bytes > 0 {
            self.encoder.copy_buffer_to_buffer(from.0, from.1, to.0, to.1, bytes);
        }
    }

    /// Dispatches `groups` workgroups, in as many pieces as the limit per dimension asks for.
    pub(super) fn dispatch<P: Pod>(
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
            first_group = first_group.saturating_add(groups_x.saturating_mul(groups_y));
        }
        Ok(())
    }

    /// Puts one parameter block into the next slot and returns its offset.
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
            self.gpu.queue.write_buffer(self.uniforms, 0, &self.params);
            self.params.clear();
        }
        self.gpu.queue.submit([encoder.finish()])
    }

    /// Submits what was recorded.
    pub(super) fn submit(mut self) -> wgpu::SubmissionIndex {
        let rest = std::mem::replace(&mut self.encoder, encoder(self.gpu));
        self.flush(rest)
    }
}

fn encoder(gpu: &GpuBackend) -> wgpu::CommandEncoder {
    gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("tile") })
}

/// Bytes from one parameter block to the next.
fn uniform_slot(gpu: &GpuBackend) -> usize {
    const LARGEST: u32 = 64;
    gpu.limits.min_uniform_buffer_offset_alignment.max(LARGEST) as usize
}

/// Size of a lane's parameter buffer.
pub(super) fn uniform_bytes(gpu: &GpuBackend) -> u64 {
    wide(PARAM_SLOTS * uniform_slot(gpu))
}

/// A failure that only a defect of this program explains.
pub(super) fn defect(what: &str) -> Error {
    Error::failed(
        Finding::new(what).hint("this is a defect of this program: report it, and use --device cpu meanwhile"),
    )
}

impl GpuBackend {
    /// Starts mapping the whole of `buffer`; it is done once what uses the buffer is.
    pub(super) fn map(&self, buffer: &wgpu::Buffer, mode: wgpu::MapMode) -> Mapping {
        let (sender, receiver) = channel();
        // The receiver is gone when its lane is: nobody waits for the answer then.
        buffer.map_async(mode, .., move |answer| drop(sender.send(answer)));
        receiver
    }

    /// Waits until a mapping that [`GpuBackend::map`] started is done; `after` is the last submission that uses the
    /// buffer, so that a lane never waits for another lane's work.
    pub(super) fn wait(&self, mapping: &Mapping, after: Option<&wgpu::SubmissionIndex>) -> Result<()> {
        let started = Instant::now();
        loop {
            self.fault.check()?;
            let poll = match after {
                Some(index) => wgpu::PollType::Wait { submission_index: Some(index.clone()), timeout: Some(PATIENCE) },
                None => wgpu::PollType::Poll,
            };
            match self.device.poll(poll) {
                Ok(_) | Err(wgpu::PollError::Timeout) => (),
                Err(error) => return self.failed("waiting for the GPU failed", &error.to_string()),
            }
            // The callback may be under way on another lane's thread.
            match mapping.recv_timeout(Duration::from_millis(20)) {
                Ok(Ok(())) => return self.fault.check(),
                Ok(Err(error)) => return self.failed("memory shared with the GPU can't be mapped", &error.to_string()),
                Err(RecvTimeoutError::Disconnected) => return self.failed("the GPU gave up a mapping", "no answer"),
                Err(RecvTimeoutError::Timeout) if started.elapsed() < GIVE_UP => (),
                Err(RecvTimeoutError::Timeout) => {
                    return self.failed("the GPU does not answer", &format!("no result after {GIVE_UP:?}"));
                }
            }
        }
    }

    /// The recorded fault where there is one, since it explains the rest; otherwise `what`.
    pub(super) fn failed<T>(&self, what: &str, found: &str) -> Result<T> {
        self.fault.check()?;
        let hint = "look for GPU errors in the system's log; run again with --resume, or with --device cpu";
        Err(Error::failed(Finding::new(what).found(found).hint(hint)))
    }
}
