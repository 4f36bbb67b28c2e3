//! Each centroid's nearest and worst neighbour. The device computes blocks of pairs, the host merges them and evaluates the
//! winners in float64.
//!
//! Values are multiplied by a power of two on their way to the device, and so is `spread`, so centroids of any magnitude stay
//! within float32. A row is scanned in float64 on the host if its nearest neighbour is too close for float32, or if float32
//! can't tell the nearest from the next.

use std::ops::Range;

use rayon::prelude::*;

use crate::backend::gpu::engine::device::GpuDevice;
use crate::backend::gpu::engine::exact::squared_distance;
use crate::backend::gpu::engine::fault::{defect, not_computed};
use crate::backend::gpu::engine::hi_lo::{HI_LO_SHARE, hi_lo, pack_hi_lo_row, unit_scale};
use crate::backend::gpu::engine::memory::{UPLOAD_CHUNK_BYTES, cast, make, read};
use crate::backend::gpu::engine::pace::Pace;
use crate::backend::gpu::engine::pipeline::Bound;
use crate::backend::gpu::engine::pool::DeviceBuffer;
use crate::backend::gpu::engine::submit::{Recorder, uniform_bytes};
use crate::backend::gpu::engine::units::{OCTET, narrow, wide};
use crate::backend::gpu::kernels::centroid_pairs::{self, PairBlock, StripNeighbours};
use crate::backend::{CentroidPairs, Tick, UNLABELLED};
use crate::base::error::{Error, Result};
use crate::base::magnitude;
use crate::base::matrix::{Dtype, MatrixView};
use crate::base::numeric::{to_f32, to_usize};

/// Most rows compared at once, most bytes of their columns, and most bytes of results in one read-back.
const ROWS: usize = 4096;
const COLUMN_BYTES: u64 = 64 << 20;
const FOUND_BYTES: u64 = 16 << 20;

/// The centroids to compare, and how the comparison is divided.
pub(crate) struct Comparison<'a, 'v> {
    gpu: &'a GpuDevice,
    view: MatrixView<'v>,
    clusters: &'a [u32],
    spread: &'a [f64],
    octets: u32,
    /// Columns of a strip; `None` if rows are too wide for the device.
    strip: Option<u32>,
    scale: f64,
    /// Scaled squared distances below this are evaluated again in float64.
    floor: f64,
}

/// A row's neighbours, as far as they are known.
#[derive(Debug, Clone, Copy)]
struct RowNeighbours {
    nearest: (f32, u32),
    /// The lowest squared distance of any other column.
    second: f32,
    worst: (f32, u32),
}

/// State that passes from one submission to the next.
struct Progress {
    pace: Pace,
    stamp: u32,
    /// The columns that are on the device.
    columns: Option<Range<usize>>,
}

/// The comparison's buffers, and how much they hold.
struct ComparisonBuffers {
    rows: DeviceBuffer,
    columns: DeviceBuffer,
    columns_lo: Option<DeviceBuffer>,
    spread: DeviceBuffer,
    found: DeviceBuffer,
    readback: DeviceBuffer,
    uniforms: DeviceBuffer,
    bound: Bound,
    rows_at_once: usize,
    columns_at_once: usize,
    found_at_once: u64,
}

impl<'a, 'v> Comparison<'a, 'v> {
    /// Reads all centroids once to find their largest magnitude.
    pub(crate) fn new(
        gpu: &'a GpuDevice,
        view: MatrixView<'v>,
        clusters: &'a [u32],
        spread: &'a [f64],
    ) -> Result<Comparison<'a, 'v>> {
        gpu.fault.check()?;
        let known = clusters.iter().all(|&cluster| (cluster as usize) < view.rows());
        if spread.len() != clusters.len() || !known {
            return Err(defect("the clusters to compare don't match the centroids and the spreads"));
        }
        let octets = view.cols().div_ceil(OCTET).max(1);
        let octets = u32::try_from(octets).map_err(|_| defect("a centroid has more than 2^32 octets"))?;
        let mut row = vec![0.0; view.cols()];
        let mut largest = 0.0_f64;
        for &cluster in clusters {
            view.copy_row(cluster as usize, &mut row);
            largest = largest.max(magnitude::largest(Dtype::F64, bytemuck::cast_slice(&row)));
        }
        let scale = unit_scale(largest);
        let in_parts = matches!(view, MatrixView::F64(_));
        let size = largest * scale;
        // Far above the point where squares vanish. Hi/lo parts hold 48 bits, so the distance must take up some of them.
        let floor = (-60.0_f64).exp2().max(if in_parts { size * size * HI_LO_SHARE * view.cols() as f64 } else { 0.0 });
        Ok(Comparison { gpu, view, clusters, spread, octets, strip: centroid_pairs::strip(octets), scale, floor })
    }

    fn in_parts(&self) -> bool {
        matches!(self.view, MatrixView::F64(_))
    }

    fn row_bytes(&self) -> u64 {
        wide(self.octets as usize * OCTET * 4)
    }

    /// `Backend::centroid_pairs`.
    pub(crate) fn run(&self, tick: &Tick<'_>) -> Result<Vec<CentroidPairs>> {
        let count = self.clusters.len();
        let memory = self.memory()?;
        let Some((memory, strip)) = memory.zip(self.strip) else { return self.scan_all(tick) };
        let mut work = Progress { pace: Pace::new(), stamp: self.gpu.first_stamp(), columns: None };
        let mut out = Vec::with_capacity(count);
        for first in (0..count).step_by(memory.rows_at_once) {
            let rows = first..count.min(first + memory.rows_at_once);
            let found = self.compare(&memory, rows.clone(), strip, &mut work, tick)?;
            // Near ties are scanned on the host, which takes time: a request to stop must be honoured there too.
            let finish = |(found, row)| tick(0).map(|()| self.finish(row, found));
            out.extend(found.into_par_iter().zip(rows.clone()).map(finish).collect::<Result<Vec<_>>>()?);
            tick(wide(rows.len()))?;
        }
        Ok(out)
    }

    /// Compares a range of rows with all columns, block by block.
    fn compare(
        &self,
        memory: &ComparisonBuffers,
        rows: Range<usize>,
        strip: u32,
        work: &mut Progress,
        tick: &Tick<'_>,
    ) -> Result<Vec<RowNeighbours>> {
        self.upload_rows(memory, rows.clone());
        let mut found = vec![RowNeighbours::NOTHING; rows.len()];
        let (count, strip_columns) = (self.clusters.len(), u64::from(strip));
        let room = memory.found_at_once / wide(rows.len()) * strip_columns;
        for first in (0..count).step_by(memory.columns_at_once) {
            let columns = first..count.min(first + memory.columns_at_once);
            if work.columns.as_ref() != Some(&columns) {
                self.upload_columns(memory, columns.clone());
                work.columns = Some(columns.clone());
            }
            let mut begin = first;
            while begin < columns.end {
                let paced = work.pace.columns(narrow(rows.len())?, self.octets) / strip_columns * strip_columns;
                let now = to_usize(paced.max(strip_columns).min(room));
                let end = columns.end.min(begin.saturating_add(now));
                work.stamp += 1;
                let block = PairBlock {
                    rows: narrow(rows.len())?,
                    columns: narrow(end - begin)?,
                    first_row: narrow(rows.start)?,
                    first_column: narrow(begin)?,
                    column_at: narrow(begin - first)?,
                    octets: self.octets,
                    strip,
                    stamp: work.stamp,
                };
                self.submit(memory, block, &mut work.pace, &mut found)?;
                tick(0)?;
                begin = end;
            }
        }
        Ok(found)
    }

    /// Allocates the buffers; `None` if a row doesn't fit.
    fn memory(&self) -> Result<Option<ComparisonBuffers>> {
        use wgpu::BufferUsages as Usage;
        let gpu = self.gpu;
        let binding = gpu.limits.max_storage_buffer_binding_size;
        let row_planes = if self.in_parts() { 2 } else { 1 };
        let row_bytes = self.row_bytes();
        let count = self.clusters.len();
        let most = |bytes: u64, each: u64| to_usize(bytes / each);
        let found_bytes = FOUND_BYTES.min(binding);
        // With this many rows, at least one strip fits.
        let found_rows = most(found_bytes, wide(size_of::<StripNeighbours>()));
        let rows_at_once = most(binding, row_bytes * row_planes).min(ROWS).min(count).min(found_rows);
        let columns_at_once = most(COLUMN_BYTES.min(binding), row_bytes).min(count);
        if rows_at_once == 0 || columns_at_once == 0 || wide(count) * 4 > binding {
            return Ok(None);
        }
        let pipeline = gpu.pipeline(&centroid_pairs::KERNEL, 0, usize::from(self.in_parts()))?;
        let input = Usage::STORAGE | Usage::COPY_DST;
        let allocate = || {
            let rows = make(gpu, "compared rows", wide(rows_at_once) * row_bytes * row_planes, input);
            let columns = make(gpu, "compared columns", wide(columns_at_once) * row_bytes, input);
            let lo = || make(gpu, "compared columns, lo parts", wide(columns_at_once) * row_bytes, input);
            let columns_lo = self.in_parts().then(lo);
            let spread = make(gpu, "spreads", wide(count) * 4, input);
            let found = make(gpu, "neighbours", found_bytes, Usage::STORAGE | Usage::COPY_SRC);
            let readback = make(gpu, "neighbours, read back", found_bytes, Usage::MAP_READ);
            let uniforms = make(gpu, "parameters", uniform_bytes(gpu), Usage::UNIFORM | Usage::COPY_DST);
            // The kernel doesn't read lo parts that don't exist, but something must be bound.
            let storage: [&wgpu::Buffer; 5] =
                [&rows, &columns, columns_lo.as_ref().unwrap_or(&columns), &spread, &found];
            let bound = (pipeline.clone(), pipeline.bind(&gpu.device, &centroid_pairs::KERNEL, &storage, &uniforms));
            let found_at_once = found_bytes / wide(size_of::<StripNeighbours>());
            ComparisonBuffers {
                rows,
                columns,
                columns_lo,
                spread,
                found,
                readback,
                uniforms,
                bound,
                rows_at_once,
                columns_at_once,
                found_at_once,
            }
        };
        let memory = gpu.scoped(allocate).map_err(|raised| Error::device(*raised.finding))?;
        let largest = self.spread.iter().copied().fold(0.0, f64::max);
        let unit = unit_scale(largest);
        let spread: Vec<f32> = self.spread.iter().map(|&value| to_f32(value * unit)).collect();
        gpu.write(&memory.spread, 0, bytemuck::cast_slice(&spread));
        Ok(Some(memory))
    }

    /// Copies the scaled centroid at a place.
    fn copy_scaled(&self, place: usize, row: &mut [f64]) {
        self.view.copy_row(self.clusters[place] as usize, row);
        row.iter_mut().for_each(|value| *value *= self.scale);
    }

    /// Uploads rows chunk by chunk; `pack` writes one row.
    fn upload(&self, buffer: &wgpu::Buffer, places: Range<usize>, bytes: u64, pack: impl Fn(&[f64], &mut [u8])) {
        let bytes = to_usize(bytes);
        let at_once = (to_usize(UPLOAD_CHUNK_BYTES) / bytes).max(1);
        let mut row = vec![0.0; self.view.cols()];
        let mut packed = vec![0_u8; at_once.min(places.len()) * bytes];
        for first in places.clone().step_by(at_once) {
            let now = first..places.end.min(first + at_once);
            for (place, out) in now.clone().zip(packed.chunks_exact_mut(bytes)) {
                self.copy_scaled(place, &mut row);
                pack(&row, out);
            }
            let offset = wide((first - places.start) * bytes);
            self.gpu.write(buffer, offset, &packed[..now.len() * bytes]);
            // Each write allocates memory that is freed by the next submission.
            self.gpu.submit(None);
        }
    }

    fn upload_rows(&self, memory: &ComparisonBuffers, places: Range<usize>) {
        if self.in_parts() {
            self.upload(&memory.rows, places, 2 * self.row_bytes(), pack_hi_lo_row);
        } else {
            self.upload(&memory.rows, places, self.row_bytes(), |row, out| plane(row, out, |value| hi_lo(value).0));
        }
    }

    fn upload_columns(&self, memory: &ComparisonBuffers, places: Range<usize>) {
        let high = |row: &[f64], out: &mut [u8]| plane(row, out, |value| hi_lo(value).0);
        self.upload(&memory.columns, places.clone(), self.row_bytes(), high);
        if let Some(lo) = &memory.columns_lo {
            self.upload(lo, places, self.row_bytes(), |row, out| plane(row, out, |value| hi_lo(value).1));
        }
    }

    /// Computes one block of pairs and merges its results into `best`.
    fn submit(
        &self,
        memory: &ComparisonBuffers,
        block: PairBlock,
        pace: &mut Pace,
        best: &mut [RowNeighbours],
    ) -> Result<()> {
        let mut recorder = Recorder::new(self.gpu, &memory.uniforms);
        centroid_pairs::record(&mut recorder, &memory.bound, block)?;
        let strips = block.columns.div_ceil(block.strip) as usize;
        let bytes = wide(best.len() * strips * size_of::<StripNeighbours>());
        recorder.copy((&memory.found, 0), (&memory.readback, 0), bytes);
        pace.start(block.rows, block.columns as usize, block.octets);
        let submission = recorder.submit();
        read(self.gpu, &memory.readback, bytes, &submission, |bytes| {
            let found: &[StripNeighbours] = cast(bytes)?;
            for (row, found) in best.iter_mut().zip(found.chunks_exact(strips)) {
                for strip in found {
                    if strip.stamp != block.stamp {
                        return Err(not_computed());
                    }
                    row.take(strip);
                }
            }
            Ok(())
        })?;
        pace.stop();
        Ok(())
    }

    /// The result for the row at a place. Scans all columns in float64 if float32 can't tell the nearest.
    fn finish(&self, place: usize, found: RowNeighbours) -> CentroidPairs {
        let (nearest, at) = found.nearest;
        let near = f64::from(nearest);
        // Twice the error bound of `four_by_four`, whose chains are about sqrt(octets) long.
        let error = (80.0 + 4.0 * f64::from(self.octets).sqrt()) * 2.0 * f64::from(f32::EPSILON);
        let decided = near >= self.floor && near * (1.0 + error) < f64::from(found.second);
        if !decided || !near.is_finite() || at == UNLABELLED {
            return self.scan(place);
        }
        let [mut own, mut other] = [vec![0.0; self.view.cols()], vec![0.0; self.view.cols()]];
        self.view.copy_row(self.clusters[place] as usize, &mut own);
        let mut to = |at: u32| {
            self.view.copy_row(self.clusters[at as usize] as usize, &mut other);
            squared_distance(&own, &other)
        };
        let nearest_squared = to(at);
        let worst = found.worst.1;
        let worst_ratio = if worst == UNLABELLED { 0.0 } else { self.ratio(place, worst as usize, to(worst)) };
        CentroidPairs { nearest: self.clusters[at as usize], nearest_squared, worst_ratio }
    }

    fn ratio(&self, place: usize, other: usize, squared: f64) -> f64 {
        (self.spread[place] + self.spread[other]) / squared.sqrt()
    }

    /// Compares the centroid at a place with all others in float64.
    fn scan(&self, place: usize) -> CentroidPairs {
        let mut best = CentroidPairs { nearest: UNLABELLED, nearest_squared: f64::INFINITY, worst_ratio: 0.0 };
        let [mut own, mut other] = [vec![0.0; self.view.cols()], vec![0.0; self.view.cols()]];
        self.view.copy_row(self.clusters[place] as usize, &mut own);
        for (at, &cluster) in self.clusters.iter().enumerate().filter(|(at, _)| *at != place) {
            self.view.copy_row(cluster as usize, &mut other);
            let squared = squared_distance(&own, &other);
            if squared < best.nearest_squared || best.nearest == UNLABELLED {
                (best.nearest, best.nearest_squared) = (cluster, squared);
            }
            if squared > 0.0 {
                best.worst_ratio = best.worst_ratio.max(self.ratio(place, at, squared));
            }
        }
        best
    }

    fn scan_all(&self, tick: &Tick<'_>) -> Result<Vec<CentroidPairs>> {
        let places = (0..self.clusters.len()).into_par_iter();
        let scan = |place| {
            let pairs = self.scan(place);
            tick(1).map(|()| pairs)
        };
        places.map(scan).collect()
    }
}

impl RowNeighbours {
    const NOTHING: RowNeighbours =
        RowNeighbours { nearest: (f32::MAX, UNLABELLED), second: f32::MAX, worst: (-1.0, UNLABELLED) };

    /// Merges the results of one strip. Strips come in ascending order of their columns, so ties go to the lower column.
    fn take(&mut self, strip: &StripNeighbours) {
        let (farther, second) = if strip.nearest < self.nearest.0 {
            let before = self.nearest.0;
            self.nearest = (strip.nearest, strip.nearest_at);
            (before, strip.second)
        } else {
            (strip.nearest, strip.second)
        };
        self.second = self.second.min(farther).min(second);
        if strip.ratio > self.worst.0 {
            self.worst = (strip.ratio, strip.ratio_at);
        }
    }
}

/// Writes one plane (hi or lo parts) of a row, padded with zeros.
fn plane(row: &[f64], out: &mut [u8], part: impl Fn(f64) -> f32) {
    out.fill(0);
    for (out, &value) in out.as_chunks_mut::<4>().0.iter_mut().zip(row) {
        *out = part(value).to_ne_bytes();
    }
}
