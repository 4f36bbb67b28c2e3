//! Sums of distances between points. Outer points stay on the device; inner ones are uploaded call by call.
//!
//! Values are multiplied by a power of two on their way to the device. So large squares don't overflow and small ones don't
//! vanish, whatever the unit of the embeddings.

use std::ops::Range;

use crate::backend::gpu::engine::device::GpuDevice;
use crate::backend::gpu::engine::exact::squared_distance;
use crate::backend::gpu::engine::fault::defect;
use crate::backend::gpu::engine::hi_lo::{largest_f32, unit_scale};
use crate::backend::gpu::engine::memory::{STAMP_BYTES, Staging, make, read_stamped, stamped_bytes};
use crate::backend::gpu::engine::pace::Pace;
use crate::backend::gpu::engine::pipeline::Bound;
use crate::backend::gpu::engine::pool::DeviceBuffer;
use crate::backend::gpu::engine::submit::{Recorder, uniform_bytes};
use crate::backend::gpu::engine::units::{OCTET, narrow, wide};
use crate::backend::gpu::kernels::centroid_pairs::TILE;
use crate::backend::gpu::kernels::distance_sums::{self, DistanceSumDispatch};
use crate::backend::{DistanceSums, DistanceTiling, PointSet};
use crate::base::error::{Error, Result};
use crate::base::numeric::{to_f32, to_u32, to_usize};

/// Most bytes of sums that one submission computes.
const SUMS_BYTES: u64 = 32 << 20;

/// Most bytes of points in one call, and most points on a software rasterizer and on a GPU.
const POINT_BYTES: u64 = 64 << 20;
const SOFTWARE_POINTS: usize = 1024;
const GPU_POINTS: usize = 8192;

/// One lane: its buffers and the outer points of its current calls.
pub(crate) struct SegmentSums<'a> {
    gpu: &'a GpuDevice,
    points: &'a PointSet,
    tiling: DistanceTiling,
    octets: u32,
    /// Most inner points of a run; `None` if rows are too wide for the device.
    most_inner: Option<usize>,
    scale: f64,
    memory: SegmentBuffers,
    bound: Bound,
    outer: Vec<u32>,
    runs: Vec<[u32; 2]>,
    pace: Pace,
    stamp: u32,
}

/// Buffers of a lane.
struct SegmentBuffers {
    inner: DeviceBuffer,
    outer: DeviceBuffer,
    runs: DeviceBuffer,
    sums: DeviceBuffer,
    readback: DeviceBuffer,
    staging: Staging,
    uniforms: DeviceBuffer,
    sums_bytes: u64,
}

impl SegmentBuffers {
    fn new(gpu: &GpuDevice, tiling: DistanceTiling, row_bytes: u64) -> SegmentBuffers {
        use wgpu::BufferUsages as Usage;
        let input = Usage::STORAGE | Usage::COPY_DST;
        let (inner, outer) = (wide(tiling.inner), wide(tiling.outer));
        let binding = gpu.limits.max_storage_buffer_binding_size;
        // No run is empty.
        let most = inner.saturating_mul(outer).saturating_mul(4).min(SUMS_BYTES).max(outer * 4);
        let sums_bytes = most.min(binding - STAMP_BYTES) + STAMP_BYTES;
        SegmentBuffers {
            inner: make(gpu, "inner points", inner * row_bytes, input),
            outer: make(gpu, "outer points", outer * row_bytes, input),
            runs: make(gpu, "runs of inner points", inner * 8, input),
            sums: make(gpu, "sums of distances", sums_bytes, Usage::STORAGE | Usage::COPY_SRC),
            readback: make(gpu, "sums of distances, read back", sums_bytes, Usage::MAP_READ),
            staging: Staging::new(gpu, "points, staging", inner.max(outer) * row_bytes + inner * 8),
            uniforms: make(gpu, "parameters", uniform_bytes(gpu), Usage::UNIFORM | Usage::COPY_DST),
            sums_bytes,
        }
    }
}

fn octets_of(points: &PointSet) -> usize {
    points.dim.div_ceil(OCTET).max(1)
}

/// `Backend::distance_tiling`.
pub(crate) fn tiling(gpu: &GpuDevice, points: &PointSet) -> DistanceTiling {
    let row_bytes = wide(octets_of(points) * OCTET * 4);
    let binding = gpu.limits.max_storage_buffer_binding_size;
    // The sums of a run for all outer points come back together.
    let fits = (binding.min(POINT_BYTES) / row_bytes).min(binding.saturating_sub(STAMP_BYTES) / 8).max(1);
    let software = gpu.info.kind == "software";
    let wanted = if software { SOFTWARE_POINTS } else { GPU_POINTS };
    let side = wanted.min(usize::try_from(fits).unwrap_or(wanted)).min(points.len()).max(1);
    // A second lane packs while the first one computes. A software rasterizer needs the cores for itself.
    DistanceTiling { outer: side, inner: side, lanes: if software { 1 } else { 2 }, symmetric: false }
}

impl<'a> SegmentSums<'a> {
    /// Allocates the buffers for `tiling`.
    pub(crate) fn new(gpu: &'a GpuDevice, points: &'a PointSet, tiling: DistanceTiling) -> Result<SegmentSums<'a>> {
        gpu.fault.check()?;
        let octets = octets_of(points);
        let row_bytes = wide(octets * OCTET * 4);
        let on_device = u32::try_from(octets).ok().filter(|_| row_bytes <= gpu.limits.max_storage_buffer_binding_size);
        let octets = on_device.unwrap_or(0);
        let memory = gpu.scoped(|| SegmentBuffers::new(gpu, tiling, if octets > 0 { row_bytes } else { 0 }));
        let memory = memory.map_err(|raised| Error::device(*raised.finding))?;
        let pipeline = gpu.pipeline(&distance_sums::KERNEL, 0, 0)?;
        // The kernel reads no lo parts, but something must be bound.
        let storage: [&wgpu::Buffer; 5] = [&memory.inner, &memory.outer, &memory.outer, &memory.runs, &memory.sums];
        let bindings = pipeline.bind(&gpu.device, &distance_sums::KERNEL, &storage, &memory.uniforms);
        gpu.fault.check()?;
        Ok(SegmentSums {
            gpu,
            points,
            tiling,
            octets,
            most_inner: on_device.and_then(distance_sums::most_inner),
            scale: unit_scale(largest_f32(bytemuck::cast_slice(&points.values))),
            memory,
            bound: (pipeline, bindings),
            outer: Vec::new(),
            runs: Vec::new(),
            pace: Pace::new(),
            stamp: gpu.first_stamp(),
        })
    }

    /// Copies scaled, padded rows to staging memory, followed by `after`. Returns the bytes of the rows.
    fn stage(&mut self, rows: impl Iterator<Item = usize>, count: usize, after: &[u8]) -> Result<u64> {
        let stride = self.octets as usize * OCTET;
        let row_bytes = stride * 4;
        let (points, scale) = (self.points, self.scale);
        let mut row = vec![0.0_f32; stride];
        self.memory.staging.write(self.gpu, wide(count * row_bytes + after.len()), |mut memory| {
            for (place, index) in rows.enumerate() {
                for (out, &value) in row.iter_mut().zip(points.row(index)) {
                    *out = to_f32(f64::from(value) * scale);
                }
                memory.slice(place * row_bytes..(place + 1) * row_bytes).copy_from_slice(bytemuck::cast_slice(&row));
            }
            memory.slice(count * row_bytes..count * row_bytes + after.len()).copy_from_slice(after);
            Ok(())
        })?;
        Ok(wide(count * row_bytes))
    }

    /// Divides the segments into runs of at most `most` inner points. Returns the segment of each run.
    fn cut(&mut self, inner: &Range<usize>, ends: &[usize], most: usize) -> Result<Vec<usize>> {
        self.runs.clear();
        let mut segments = Vec::new();
        let mut begin = inner.start;
        for (segment, &end) in ends.iter().enumerate() {
            for start in (begin..end).step_by(most) {
                let count = most.min(end - start);
                self.runs.push([narrow(start - inner.start)?, narrow(count)?]);
                segments.push(segment);
            }
            begin = end;
        }
        Ok(segments)
    }

    /// Runs of the next submission: as many as its buffer holds and as the device computes in a fraction of a second.
    fn runs_now(&self, first: usize) -> usize {
        let outer = self.outer.len();
        let room = (self.memory.sums_bytes - STAMP_BYTES) / (4 * wide(outer).max(1));
        let paced = self.pace.columns(to_u32(outer), self.octets);
        let mut points = 0_u64;
        let within = |run: &&[u32; 2]| {
            // A partial tile costs as much as a full one.
            points += u64::from(run[1].next_multiple_of(TILE));
            points <= paced
        };
        let paced = self.runs[first..].iter().take_while(within).count();
        to_usize(room).min(paced).max(1)
    }

    /// Computes the runs `first .. first + segments.len()`; `segments` has the segment of each. `staged` holds the bytes of rows
    /// and runs that have yet to be copied from staging memory.
    fn submit(
        &mut self,
        first: usize,
        segments: &[usize],
        staged: &mut Option<(u64, u64)>,
        out: &mut [f64],
    ) -> Result<()> {
        self.stamp = self.stamp.checked_add(1).unwrap_or(1);
        let (gpu, stamp, outer) = (self.gpu, self.stamp, self.outer.len());
        let memory = &mut self.memory;
        let mut recorder = Recorder::new(gpu, &memory.uniforms);
        let bring = staged.take();
        if let Some((rows, runs)) = bring {
            recorder.copy((&memory.staging.buffer, 0), (&memory.inner, 0), rows);
            recorder.copy((&memory.staging.buffer, rows), (&memory.runs, 0), runs);
        }
        let work = DistanceSumDispatch {
            outer: narrow(outer)?,
            runs: narrow(segments.len())?,
            first_run: narrow(first)?,
            octets: self.octets,
            stamp,
        };
        distance_sums::record(&mut recorder, &self.bound, work)?;
        let values = segments.len() * outer;
        recorder.copy((&memory.sums, 0), (&memory.readback, 0), stamped_bytes(values));
        let inner =
            self.runs[first..first + segments.len()].iter().map(|run| run[1].next_multiple_of(TILE) as usize).sum();
        self.pace.start(work.outer, inner, self.octets);
        let submission = recorder.submit();
        if bring.is_some() {
            memory.staging.recycle(gpu, &submission);
        }
        let unit = 1.0 / self.scale;
        read_stamped(gpu, &memory.readback, values, &submission, stamp, |values| {
            for (&segment, values) in segments.iter().zip(values.chunks_exact(outer)) {
                let out = &mut out[segment * outer..(segment + 1) * outer];
                out.iter_mut().zip(values).for_each(|(out, &value)| *out += f64::from(value) * unit);
            }
            Ok(())
        })?;
        self.pace.stop();
        Ok(())
    }

    /// Adds up on the host, for rows that are too wide for the device.
    fn on_host(&self, inner: Range<usize>, ends: &[usize], out: &mut [f64]) {
        let mut begin = inner.start;
        for (out, &end) in out.chunks_exact_mut(self.outer.len()).zip(ends) {
            for (out, &outer) in out.iter_mut().zip(&self.outer) {
                let x = self.points.row(outer as usize);
                let distance = |index: usize| squared_distance(x, self.points.row(index)).sqrt();
                *out = (begin..end).map(distance).sum();
            }
            begin = end;
        }
    }
}

impl DistanceSums for SegmentSums<'_> {
    fn outer(&mut self, points: &[u32]) -> Result<()> {
        self.gpu.fault.check()?;
        if points.len() > self.tiling.outer || points.iter().any(|&point| point as usize >= self.points.len()) {
            return Err(defect("the outer points don't match the tiling and the points"));
        }
        self.outer.clear();
        self.outer.extend_from_slice(points);
        if self.most_inner.is_none() || points.is_empty() {
            return Ok(());
        }
        let bytes = self.stage(points.iter().map(|&point| point as usize), points.len(), &[])?;
        let mut recorder = Recorder::new(self.gpu, &self.memory.uniforms);
        recorder.copy((&self.memory.staging.buffer, 0), (&self.memory.outer, 0), bytes);
        let submission = recorder.submit();
        self.memory.staging.recycle(self.gpu, &submission);
        self.gpu.fault.check()
    }

    fn to_segments(&mut self, inner: Range<usize>, ends: &[usize], out: &mut [f64]) -> Result<()> {
        self.gpu.fault.check()?;
        let ascending = ends.is_sorted() && ends.first().is_none_or(|&end| end >= inner.start);
        let whole = ascending && ends.last().copied().unwrap_or(inner.start) == inner.end;
        let fits = inner.len() <= self.tiling.inner && inner.end <= self.points.len();
        if !whole || !fits || out.len() != ends.len() * self.outer.len() {
            return Err(defect("the segments don't match the inner points and the sums"));
        }
        out.fill(0.0);
        if self.outer.is_empty() || inner.is_empty() {
            return Ok(());
        }
        let Some(most) = self.most_inner else {
            self.on_host(inner, ends, out);
            return Ok(());
        };
        let segments = self.cut(&inner, ends, most)?;
        let runs = std::mem::take(&mut self.runs);
        let list: &[u8] = bytemuck::cast_slice(&runs);
        let rows = self.stage(inner.clone(), inner.len(), list)?;
        let mut staged = Some((rows, wide(list.len())));
        self.runs = runs;
        let mut first = 0;
        while first < segments.len() {
            let end = segments.len().min(first + self.runs_now(first));
            self.submit(first, &segments[first..end], &mut staged, out)?;
            first = end;
        }
        Ok(())
    }

    fn both(
        &mut self,
        _inner: Range<usize>,
        _ends: &[usize],
        _outer_ends: &[usize],
        _columns: &mut [f64],
        _rows: &mut [f64],
    ) -> Result<()> {
        panic!("this device's tiling is not symmetric: call `to_segments`");
    }
}
