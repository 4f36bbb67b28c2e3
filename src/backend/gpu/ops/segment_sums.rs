//! Sums of distances between points. All points stay on the device if there is room; otherwise outer points stay for the calls
//! that need them, and inner ones are uploaded submission by submission.

use std::ops::Range;
use std::sync::Arc;

use super::segment_plan::{SegmentBuffers, in_tiles, limits, most_runs};
use super::segment_runs::{Limits, Runs};
use super::shared_points::{SharedCache, SharedPoints, octets_of, row_bytes, write_rows};
use crate::backend::gpu::engine::device::GpuDevice;
use crate::backend::gpu::engine::exact::squared_distance;
use crate::backend::gpu::engine::fault::defect;
use crate::backend::gpu::engine::memory::{Staging, make, read_stamped, stamped_bytes};
use crate::backend::gpu::engine::options::nominal_rate;
use crate::backend::gpu::engine::pace::Pace;
use crate::backend::gpu::engine::pipeline::{Bound, Pipeline};
use crate::backend::gpu::engine::pool::DeviceBuffer;
use crate::backend::gpu::engine::submit::Recorder;
use crate::backend::gpu::engine::units::{narrow, wide};
use crate::backend::gpu::kernels::distance_sums::{self, DistanceSumDispatch};
use crate::backend::gpu::kernels::{centroid_pairs, distance_sums_tile};
use crate::backend::{DistanceSums, DistanceTiling, PointSet};
use crate::base::error::{Error, Result};
use crate::base::numeric::{to_u32, to_usize};

/// One lane: its buffers and the outer points of its current calls.
pub(crate) struct SegmentSums<'a> {
    gpu: &'a GpuDevice,
    points: &'a PointSet,
    shared: Arc<SharedPoints>,
    tiling: DistanceTiling,
    octets: u32,
    /// Whether the kernel is that of register tiles.
    tiles: bool,
    /// `None` if rows are too wide for the device.
    limits: Option<Limits>,
    memory: SegmentBuffers,
    /// Outer points that are not consecutive ones of the resident points.
    listed: Option<Listed>,
    pipeline: Pipeline,
    /// With the current outer points, of which the first is in row `first_outer` of its buffer.
    bound: Option<Bound>,
    first_outer: u32,
    outer: Vec<u32>,
    pace: Pace,
    stamp: u32,
}

/// A buffer of outer points.
struct Listed {
    buffer: DeviceBuffer,
    staging: Staging,
}

impl<'a> SegmentSums<'a> {
    /// Allocates the buffers for `tiling`, and uploads the points if no open lane has done so.
    pub(crate) fn new(
        gpu: &'a GpuDevice,
        cache: &SharedCache,
        points: &'a PointSet,
        tiling: DistanceTiling,
    ) -> Result<SegmentSums<'a>> {
        gpu.fault.check()?;
        let fits = row_bytes(points) <= gpu.limits.max_storage_buffer_binding_size;
        let octets = u32::try_from(octets_of(points)).ok().filter(|_| fits);
        let row_bytes = if octets.is_some() { row_bytes(points) } else { 0 };
        let lanes = || (0..tiling.lanes.max(1)).map(|_| SegmentBuffers::new(gpu, tiling, 0)).collect::<Vec<_>>();
        let shared = cache.of(gpu, points, lanes)?;
        let uploaded = if shared.resident.is_some() { 0 } else { row_bytes };
        let memory = gpu.scoped(|| SegmentBuffers::new(gpu, tiling, uploaded));
        let memory = memory.map_err(|raised| Error::device(*raised.finding))?;
        let tiles = in_tiles(gpu);
        let kernel = if tiles { &distance_sums_tile::KERNEL } else { &distance_sums::KERNEL };
        let pipeline = gpu.pipeline(kernel, 0, 0)?;
        let runs = most_runs(gpu, tiling);
        let limits = octets.and_then(|octets| limits(tiles, octets));
        let limits = limits.map(|limits| Limits {
            run: limits.run.min(memory.inner_points),
            strip: limits.strip.min(memory.inner_points),
            runs: limits.runs.min(runs),
        });
        gpu.fault.check()?;
        Ok(SegmentSums {
            gpu,
            points,
            shared,
            tiling,
            octets: octets.unwrap_or(0),
            tiles,
            limits,
            memory,
            listed: None,
            pipeline,
            bound: None,
            first_outer: 0,
            outer: Vec::new(),
            pace: Pace::at(nominal_rate(gpu.info.kind)),
            stamp: gpu.first_stamp(),
        })
    }

    /// Uploads the current outer points.
    fn upload_outer(&mut self) -> Result<()> {
        let gpu = self.gpu;
        let row = row_bytes(self.points);
        if self.listed.is_none() {
            use wgpu::BufferUsages as Usage;
            let bytes = wide(self.tiling.outer) * row;
            let made = gpu.scoped(|| Listed {
                buffer: make(gpu, "outer points", bytes, Usage::STORAGE | Usage::COPY_DST),
                staging: Staging::new(gpu, "outer points, staging", bytes),
            });
            self.listed = Some(made.map_err(|raised| Error::device(*raised.finding))?);
        }
        let Some(listed) = &mut self.listed else { return Ok(()) };
        let bytes = wide(self.outer.len()) * row;
        let rows = self.outer.iter().map(|&point| point as usize);
        listed.staging.write(gpu, bytes, |mut memory| {
            write_rows(self.points, self.shared.scale, rows, &mut memory);
            Ok(())
        })?;
        let mut recorder = Recorder::new(gpu, &self.memory.uniforms);
        recorder.copy((&listed.staging.buffer, 0), (&listed.buffer, 0), bytes);
        let submission = recorder.submit();
        listed.staging.recycle(gpu, &submission);
        Ok(())
    }

    /// Binds the current outer points, and uploads them first unless they are consecutive ones of the resident points.
    fn bind(&mut self) -> Result<()> {
        let consecutive = self.outer.windows(2).all(|pair| pair[1].checked_sub(pair[0]) == Some(1));
        let resident = consecutive && self.shared.resident.is_some();
        if !resident {
            self.upload_outer()?;
        }
        self.first_outer = if resident { self.outer[0] } else { 0 };
        let Some(inner) = self.shared.resident.as_ref().or(self.memory.inner.as_ref()) else { return Ok(()) };
        let outer = self.listed.as_ref().filter(|_| !resident).map_or(inner, |listed| &listed.buffer);
        let (device, memory) = (&self.gpu.device, &self.memory);
        let bindings = if self.tiles {
            let storage: [&wgpu::Buffer; 4] = [inner, outer, &memory.runs, &memory.sums];
            self.pipeline.bind(device, &distance_sums_tile::KERNEL, &storage, &memory.uniforms)
        } else {
            // The kernel reads no lo parts, but something must be bound.
            let storage: [&wgpu::Buffer; 5] = [inner, outer, outer, &memory.runs, &memory.sums];
            self.pipeline.bind(device, &distance_sums::KERNEL, &storage, &memory.uniforms)
        };
        self.bound = Some((self.pipeline.clone(), bindings));
        Ok(())
    }

    /// Inner points that the device processes for a strip: a partial tile costs as much as a full one.
    fn cost(&self, cut: &Runs, strip: usize) -> usize {
        let tile = if self.tiles { distance_sums_tile::TILE } else { centroid_pairs::TILE };
        cut.points(&cut.of_strips(&(strip..strip + 1))).len().next_multiple_of(tile as usize)
    }

    /// Strips of the next submission: as many as its buffers hold and as the device computes in a fraction of a second.
    fn strips_now(&self, cut: &Runs, first: usize) -> Range<usize> {
        let outer = self.outer.len();
        let room = to_usize(self.memory.room() / (4 * wide(outer).max(1)));
        let paced = to_usize(self.pace.columns(to_u32(outer), self.octets));
        let (mut runs, mut points, mut cost) = (0, 0, 0);
        let within = |strip: &usize| {
            let of_strip = cut.of_strips(&(*strip..*strip + 1));
            points += cut.points(&of_strip).len();
            (runs, cost) = (runs + of_strip.len(), cost + self.cost(cut, *strip));
            runs <= room && points <= self.memory.inner_points && cost <= paced
        };
        let fitting = (first..cut.strips.len()).take_while(within).count();
        first..first + fitting.max(1)
    }

    /// Copies inner points and, in front of the first strip, the list of runs and strips to the device.
    fn bring(&mut self, recorder: &mut Recorder<'_>, cut: &Runs, strips: &Range<usize>) -> Result<bool> {
        let rows = match self.memory.inner {
            Some(_) => cut.points(&cut.of_strips(strips)),
            None => 0..0,
        };
        let lists: [&[u8]; 2] = match strips.start {
            0 => [bytemuck::cast_slice(&cut.runs), bytemuck::cast_slice(&cut.strips)],
            _ => [&[], &[]],
        };
        let bytes = rows.len() * to_usize(row_bytes(self.points));
        let [runs_end, end] = [bytes + lists[0].len(), bytes + lists[0].len() + lists[1].len()];
        if end == 0 {
            return Ok(false);
        }
        let memory = &mut self.memory;
        memory.staging.write(self.gpu, wide(end), |mut staged| {
            if !rows.is_empty() {
                write_rows(self.points, self.shared.scale, rows, &mut staged);
            }
            staged.slice(bytes..runs_end).copy_from_slice(lists[0]);
            staged.slice(runs_end..end).copy_from_slice(lists[1]);
            Ok(())
        })?;
        if let Some(inner) = &memory.inner {
            recorder.copy((&memory.staging.buffer, 0), (inner, 0), wide(bytes));
        }
        recorder.copy((&memory.staging.buffer, wide(bytes)), (&memory.runs, 0), wide(end - bytes));
        Ok(true)
    }

    /// Computes these strips and adds their sums to `out`.
    fn submit(&mut self, cut: &Runs, strips: Range<usize>, out: &mut [f64]) -> Result<()> {
        self.stamp = self.stamp.checked_add(1).unwrap_or(1);
        let (gpu, stamp, outer) = (self.gpu, self.stamp, self.outer.len());
        let uniforms = self.memory.uniforms.clone();
        let mut recorder = Recorder::new(gpu, &uniforms);
        let brought = self.bring(&mut recorder, cut, &strips)?;
        let runs = cut.of_strips(&strips);
        let points = cut.points(&runs);
        let cost = strips.clone().map(|strip| self.cost(cut, strip)).sum();
        let work = DistanceSumDispatch {
            outer: narrow(outer)?,
            first_outer: self.first_outer,
            first_inner: if self.memory.inner.is_some() { narrow(points.start)? } else { 0 },
            runs: narrow(runs.len())?,
            first_run: narrow(runs.start)?,
            strips: narrow(strips.len())?,
            first_strip: narrow(cut.runs.len() + strips.start)?,
            octets: self.octets,
            stamp,
        };
        let Some(bound) = &self.bound else { return Err(defect("no outer points are bound")) };
        let record = if self.tiles { distance_sums_tile::record } else { distance_sums::record };
        record(&mut recorder, bound, work)?;
        let memory = &mut self.memory;
        let values = runs.len() * outer;
        recorder.copy((&memory.sums, 0), (&memory.readback, 0), stamped_bytes(values));
        self.pace.start(work.outer, cost, self.octets);
        let submission = recorder.submit();
        if brought {
            memory.staging.recycle(gpu, &submission);
        }
        let unit = 1.0 / self.shared.scale;
        read_stamped(gpu, &memory.readback, values, &submission, stamp, |values| {
            for (run, values) in runs.zip(values.chunks_exact(outer)) {
                let out = &mut out[cut.segments[run] * outer..][..outer];
                let scaled = values.iter().map(|&value| f64::from(value) * unit);
                match cut.begins_segment(run) {
                    true => out.iter_mut().zip(scaled).for_each(|(out, value)| *out = value),
                    false => out.iter_mut().zip(scaled).for_each(|(out, value)| *out += value),
                }
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
        if self.limits.is_some() && !points.is_empty() {
            self.bind()?;
        }
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
        if self.outer.is_empty() || inner.is_empty() {
            out.fill(0.0);
            return Ok(());
        }
        let Some(limits) = self.limits else {
            self.on_host(inner, ends, out);
            return Ok(());
        };
        // The first run of a segment overwrites its sums; segments without runs have none.
        let mut begin = inner.start;
        for (out, &end) in out.chunks_exact_mut(self.outer.len()).zip(ends) {
            if begin == end {
                out.fill(0.0);
            }
            begin = end;
        }
        let cut = Runs::cut(&inner, ends, limits)?;
        let mut first = 0;
        while first < cut.strips.len() {
            let strips = self.strips_now(&cut, first);
            first = strips.end;
            self.submit(&cut, strips, out)?;
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
