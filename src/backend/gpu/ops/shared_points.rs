//! The points of sums of distances. They go to the device once and stay there for all lanes, if there is room.
//!
//! Values are multiplied by a power of two on their way to the device. So large squares don't overflow and small ones don't
//! vanish, whatever the unit of the embeddings.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::backend::PointSet;
use crate::backend::gpu::engine::device::GpuDevice;
use crate::backend::gpu::engine::hi_lo::unit_scale;
use crate::backend::gpu::engine::memory::{Staging, make};
use crate::backend::gpu::engine::pool::DeviceBuffer;
use crate::backend::gpu::engine::submit::{Recorder, uniform_bytes};
use crate::backend::gpu::engine::units::{OCTET, wide};
use crate::base::error::Result;
use crate::base::magnitude;
use crate::base::matrix::Dtype;
use crate::base::numeric::{to_f32, to_usize};

/// Bytes of rows that are packed before the device copies them.
const CHUNK_BYTES: u64 = 8 << 20;

/// Values that are scaled at a time: they stay in the cache until they are copied.
const SCALED: usize = 4096;

/// What all lanes share.
pub(crate) struct SharedPoints {
    pub(crate) scale: f64,
    /// All points, scaled and padded; `None` if there is no room.
    pub(crate) resident: Option<DeviceBuffer>,
    /// Where the values are on the host.
    source: (usize, usize, usize),
}

/// The points that open lanes share.
#[derive(Default)]
pub(crate) struct SharedCache(Mutex<Weak<SharedPoints>>);

impl std::fmt::Debug for SharedCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedCache").finish_non_exhaustive()
    }
}

/// Octets of a row.
pub(crate) fn octets_of(points: &PointSet) -> usize {
    points.dim.div_ceil(OCTET).max(1)
}

/// Bytes of a row on the device.
pub(crate) fn row_bytes(points: &PointSet) -> u64 {
    wide(octets_of(points) * OCTET * 4)
}

/// Whether a binding may hold all points, and whether the caller lets so many bytes stay on the device. Memory may still be
/// short.
pub(crate) fn may_stay(gpu: &GpuDevice, points: &PointSet) -> bool {
    let bytes = row_bytes(points).saturating_mul(wide(points.len()));
    let most = gpu.limits.max_storage_buffer_binding_size.min(gpu.limits.max_buffer_size);
    // the lanes need memory, too
    let memory = gpu.options.memory_bytes.map_or(u64::MAX, |bytes| bytes / 2);
    bytes <= most.min(memory).min(gpu.options.kept_bytes.unwrap_or(0))
}

impl SharedCache {
    /// The points of other open lanes, or new ones. `lanes` allocates what all lanes need beside the points: it must fit too.
    pub(crate) fn of<T>(
        &self,
        gpu: &GpuDevice,
        points: &PointSet,
        lanes: impl FnOnce() -> T,
    ) -> Result<Arc<SharedPoints>> {
        // An open lane borrows its points, so what is at this place is the same.
        let source = (points.values.as_ptr().addr(), points.values.len(), points.dim);
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = cached.upgrade().filter(|shared| shared.source == source) {
            return Ok(shared);
        }
        let scale = unit_scale(magnitude::largest(Dtype::F32, bytemuck::cast_slice(&points.values)));
        let resident = match may_stay(gpu, points) {
            true => upload(gpu, points, scale, lanes)?,
            false => None,
        };
        let shared = Arc::new(SharedPoints { scale, resident, source });
        *cached = Arc::downgrade(&shared);
        Ok(shared)
    }
}

/// Uploads all points. `None` if memory is too short for them and for the `lanes`.
fn upload<T>(
    gpu: &GpuDevice,
    points: &PointSet,
    scale: f64,
    lanes: impl FnOnce() -> T,
) -> Result<Option<DeviceBuffer>> {
    use wgpu::BufferUsages as Usage;
    let (row, rows) = (row_bytes(points), points.len());
    let chunk = to_usize(CHUNK_BYTES / row).clamp(1, rows.max(1));
    let made = gpu.scoped(|| {
        let buffer = make(gpu, "all points", wide(rows) * row, Usage::STORAGE | Usage::COPY_DST);
        let staging = [0, 1].map(|_| Staging::new(gpu, "all points, staging", wide(chunk) * row));
        let uniforms = make(gpu, "parameters", uniform_bytes(gpu), Usage::UNIFORM | Usage::COPY_DST);
        drop(lanes());
        (buffer, staging, uniforms)
    });
    let Ok((buffer, mut staging, uniforms)) = made else {
        gpu.pool.clear();
        // the driver gets freed memory back only after a poll
        gpu.device.poll(wgpu::PollType::Poll).ok();
        gpu.fault.check()?;
        return Ok(None);
    };
    for (number, first) in (0..rows).step_by(chunk).enumerate() {
        let some = first..rows.min(first + chunk);
        let bytes = wide(some.len()) * row;
        let staging = &mut staging[number % 2];
        staging.write(gpu, bytes, |mut memory| {
            write_rows(points, scale, some, &mut memory);
            Ok(())
        })?;
        let mut recorder = Recorder::new(gpu, &uniforms);
        recorder.copy((&staging.buffer, 0), (&buffer, wide(first) * row), bytes);
        let submission = recorder.submit();
        staging.recycle(gpu, &submission);
    }
    gpu.fault.check()?;
    Ok(Some(buffer))
}

/// Writes rows, scaled and padded to whole octets, to the start of `memory`.
pub(crate) fn write_rows(
    points: &PointSet,
    scale: f64,
    rows: impl ExactSizeIterator<Item = usize>,
    memory: &mut wgpu::WriteOnly<'_, [u8]>,
) {
    // float32 holds no power of two beyond 2^127, so there are two factors. Scaling up is exact.
    let factors = halves(scale);
    let stride = octets_of(points) * OCTET;
    let together = (SCALED / stride).max(1).min(rows.len());
    let mut scaled = vec![0.0_f32; together * stride];
    let (mut filled, mut written) = (0, 0);
    let left = rows.len();
    for (done, index) in rows.enumerate() {
        let out = &mut scaled[filled * stride..][..points.dim];
        out.iter_mut().zip(points.row(index)).for_each(|(out, &value)| *out = value * factors[0] * factors[1]);
        filled += 1;
        if filled == together || done + 1 == left {
            let bytes: &[u8] = bytemuck::cast_slice(&scaled[..filled * stride]);
            memory.slice(written..written + bytes.len()).copy_from_slice(bytes);
            written += bytes.len();
            filled = 0;
        }
    }
}

/// Two powers of two whose product is `scale`, a power of two within 2^250 of 1.
fn halves(scale: f64) -> [f32; 2] {
    let exponent = scale.log2().round();
    let half = (exponent / 2.0).trunc();
    [to_f32(half.exp2()), to_f32((exponent - half).exp2())]
}

#[cfg(test)]
mod tests {
    use super::halves;

    #[test]
    fn every_scale_is_a_product_of_two_powers_that_float32_holds() {
        for exponent in -88..=189 {
            let scale = f64::from(exponent).exp2();
            let [one, other] = halves(scale);
            assert_eq!(f64::from(one) * f64::from(other), scale, "2^{exponent}");
            assert!(one.is_normal() && other.is_normal(), "2^{exponent}");
        }
    }
}
