//! Buffers, memory that host and device share, and reading results back.

use super::device::{GpuDevice, Mapping};
use super::fault::{defect, not_computed};
use super::pool::DeviceBuffer;
pub(crate) use super::units::STAMP_BYTES;
use super::units::wide;
use crate::base::error::Result;

/// Bytes that the host packs before it hands them over.
pub(crate) const UPLOAD_CHUNK_BYTES: u64 = 4 << 20;

/// Host memory that the device copies from. It is mapped again as soon as a submission is done with it: allocating a buffer
/// for every tile would cost several times the copy.
pub(crate) struct Staging {
    pub(crate) buffer: DeviceBuffer,
    mapping: Option<(Mapping, Option<wgpu::SubmissionIndex>)>,
}

impl Staging {
    pub(crate) fn new(gpu: &GpuDevice, label: &str, bytes: u64) -> Staging {
        Staging { buffer: make(gpu, label, bytes, wgpu::BufferUsages::MAP_WRITE), mapping: None }
    }

    /// Waits until the memory is free, lets `fill` write its first `bytes` bytes, and hands it to the device.
    pub(crate) fn write(
        &mut self,
        gpu: &GpuDevice,
        bytes: u64,
        fill: impl FnOnce(wgpu::WriteOnly<'_, [u8]>) -> Result<()>,
    ) -> Result<()> {
        let (mapping, after) =
            self.mapping.take().unwrap_or_else(|| (gpu.map(&self.buffer, wgpu::MapMode::Write), None));
        gpu.wait(&mapping, after.as_ref())?;
        gpu.counters.up(bytes);
        let filled = match self.buffer.slice(..bytes).get_mapped_range_mut() {
            Ok(mut view) => fill(view.slice(..)),
            Err(error) => gpu.failed("cannot write memory shared with the GPU", &error.to_string()),
        };
        self.buffer.unmap();
        filled
    }

    /// Requests the memory back once `submission`, which copies from it, has completed.
    pub(crate) fn recycle(&mut self, gpu: &GpuDevice, submission: &wgpu::SubmissionIndex) {
        self.mapping = Some((gpu.map(&self.buffer, wgpu::MapMode::Write), Some(submission.clone())));
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // the pool hands the buffer out again, so it must not stay mapped
        if self.mapping.take().is_some() {
            self.buffer.unmap();
        }
    }
}

/// A buffer of at least 16 bytes, since empty buffers can't be bound. Its contents are arbitrary: it may be a free one of the
/// same size and usage.
pub(crate) fn make(gpu: &GpuDevice, label: &str, bytes: u64, usage: wgpu::BufferUsages) -> DeviceBuffer {
    let mut usage = usage;
    if usage.contains(wgpu::BufferUsages::MAP_WRITE) {
        usage |= wgpu::BufferUsages::COPY_SRC;
    }
    if usage.contains(wgpu::BufferUsages::MAP_READ) {
        usage |= wgpu::BufferUsages::COPY_DST;
    }
    let size = bytes.max(16).next_multiple_of(16);
    gpu.pool.take((size, usage), || allocate(gpu, label, size, usage))
}

/// A new buffer. Whoever frees it calls [`Pool::release`](super::pool::Pool::release). Beyond the limit on memory, the buffer
/// is empty, and [`GpuDevice::scoped`] reports an error.
pub(crate) fn allocate(gpu: &GpuDevice, label: &str, size: u64, usage: wgpu::BufferUsages) -> wgpu::Buffer {
    gpu.counters.allocation();
    let size = if gpu.pool.reserve(size) { size } else { 0 };
    gpu.device.create_buffer(&wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: false })
}

/// Reads the first `bytes` bytes of a buffer once `submission` has filled it.
pub(crate) fn read<T>(
    gpu: &GpuDevice,
    buffer: &wgpu::Buffer,
    bytes: u64,
    submission: &wgpu::SubmissionIndex,
    decode: impl FnOnce(&[u8]) -> Result<T>,
) -> Result<T> {
    gpu.counters.down(bytes);
    let mapping = gpu.map(buffer, wgpu::MapMode::Read);
    let waited = gpu.wait(&mapping, Some(submission));
    let decoded = match waited.map(|()| buffer.slice(..bytes).get_mapped_range()) {
        Ok(Ok(view)) => decode(&view),
        Ok(Err(error)) => gpu.failed("cannot read a result of the GPU", &error.to_string()),
        Err(error) => Err(error),
    };
    buffer.unmap();
    decoded
}

/// Reads `count` float32 values behind a stamp from a buffer that `submission` filled. A kernel that writes such a buffer
/// writes `stamp` in front of its values.
///
/// # Errors
/// `Kind::Failed` if the stamp differs: the device did nothing.
pub(crate) fn read_stamped(
    gpu: &GpuDevice,
    buffer: &wgpu::Buffer,
    count: usize,
    submission: &wgpu::SubmissionIndex,
    stamp: u32,
    decode: impl FnOnce(&[f32]) -> Result<()>,
) -> Result<()> {
    read(gpu, buffer, stamped_bytes(count), submission, |bytes| {
        let words: &[u32] = cast(bytes)?;
        let (header, values) = words.split_at(4);
        if header[0] != stamp {
            return Err(not_computed());
        }
        decode(bytemuck::cast_slice(values))
    })
}

/// Bytes of a stamp and `count` float32 values.
pub(crate) fn stamped_bytes(count: usize) -> u64 {
    STAMP_BYTES + wide(count) * 4
}

/// Views bytes that the device wrote as values.
pub(crate) fn cast<T: bytemuck::Pod>(bytes: &[u8]) -> Result<&[T]> {
    bytemuck::try_cast_slice(bytes).map_err(|error| defect(&format!("a result of the GPU is misaligned: {error}")))
}
