//! Each centroid's nearest and worst neighbour: blocks of pairs on the device, merged here, winners in float64.
//!
//! Values are multiplied by a power of two on their way to the device, and so is `spread`, so that centroids of any
//! magnitude stay within float32. A row is scanned in float64 where its nearest is too close for float32, or where
//! another one is as near as float32 can tell.

use std::ops::Range;

use rayon::prelude::*;

use super::GpuBackend;
use super::buffers::{make, read};
use super::centroid_pairs::{self, Found, Pairs};
use super::fault::scoped;
use super::kernels::Pipeline;
use super::lane::cast;
use super::matrix_block::narrow;
use super::observe::{SPLIT, not_computed};
use super::pairwise::Pace;
use super::plan::{OCTET, wide};
use super::split::{largest_f64, round, split, unit_scale};
use super::submit::{Recorder, defect, uniform_bytes};
use super::upload::pair_row;
use crate::backend::{CentroidPairs, Tick, UNLABELLED};
use crate::base::error::{Error, Result};
use crate::base::matrix::MatrixView;
use crate::base::numeric::to_usize;

/// Rows of one round, bytes of the columns that stay with it, and bytes of what comes back at once; at most.
const ROWS: usize = 4096;
const COLUMN_BYTES: u64 = 64 << 20;
const FOUND_BYTES: u64 = 16 << 20;

/// Bytes packed on the host before they are handed over.
const CHUNK_BYTES: usize = 4 << 20;

/// The centroids that are compared, and how they are cut.
pub(super) struct Comparison<'a, 'v> {
    gpu: &'a GpuBackend,
    view: MatrixView<'v>,
    clusters: &'a [u32],
    spread: &'a [f64],
    octets: u32,
    /// Columns of a strip; `None` where rows are too wide for the device.
    strip: Option<u32>,
    scale: f64,
    /// Scaled squared distances below this are taken again in float64.
    floor: f64,
}

/// What is known of a row so far.
#[derive(Debug, Clone, Copy)]
struct Row {
    nearest: (f32, u32),
    /// The lowest squared distance of any other column.
    second: f32,
    worst: (f32, u32),
}

/// What goes from one submission to the next.
struct UnderWay {
    pace: Pace,
    stamp: u32,
    /// The columns on the device.
    columns: Option<Range<usize>>,
}

/// What the comparison has on the device, and how much of it goes at once.
struct Memory {
    rows: wgpu::Buffer,
    columns: wgpu::Buffer,
    columns_rest: Option<wgpu::Buffer>,
    spread: wgpu::Buffer,
    found: wgpu::Buffer,
    readback: wgpu::Buffer,
    uniforms: wgpu::Buffer,
    pipeline: Pipeline,
    bindings: wgpu::BindGroup,
    rows_at_once: usize,
    columns_at_once: usize,
    found_at_once: u64,
}

impl<'a, 'v> Comparison<'a, 'v> {
    /// Looks at all centroids once, for their magnitude.
    pub(super) fn new(
        gpu: &'a GpuBackend,
        view: MatrixView<'v>,
        clusters: &'a [u32],
        spread: &'a [f64],
    ) -> Result<Comparison<'a, 'v>> {
        gpu.fault.check()?;
        let known = clusters.iter().all(|&cluster| (cluster as usize) < view.rows());
        if spread.len() != clusters.len() || !known {
            return Err(defect("the clusters to compare don't have the shape of the centroids and the spreads"));
        }
        let octets = view.cols().div_ceil(OCTET).max(1);
        let octets = u32::try_from(octets).map_err(|_| defect("a centroid has more than 2^32 octets"))?;
        let mut row = vec![0.0; view.cols()];
        let mut largest = 0.0_f64;
        for &cluster in clusters {
            view.copy_row(cluster as usize, &mut row);
            largest = largest.max(largest_f64(bytemuck::cast_slice(&row)));
        }
        let scale = unit_scale(largest);
        let in_parts = matches!(view, MatrixView::F64(_));
        let size = largest * scale;
        // far above where squares vanish; pairs of float32 need a distance of some of their 48 bits
        let floor = (-60.0_f64).exp2().max(if in_parts { size * size * SPLIT * view.cols() as f64 } else { 0.0 });
        Ok(Comparison { gpu, view, clusters, spread, octets, strip: centroid_pairs::strip(octets), scale, floor })
    }

    fn in_parts(&self) -> bool {
        matches!(self.view, MatrixView::F64(_))
    }

    fn row_bytes(&self) -> u64 {
        wide(self.octets as usize * OCTET * 4)
    }

    /// `Backend::centroid_pairs`.
    pub(super) fn run(&self, tick: &Tick<'_>) -> Result<Vec<CentroidPairs>> {
        let count = self.clusters.len();
        let memory = self.memory()?;
        let Some((memory, strip)) = memory.zip(self.strip) else { return self.scan_all(tick) };
        let mut work = UnderWay { pace: Pace::new(), stamp: 0, columns: None };
        let mut out = Vec::with_capacity(count);
        for first in (0..count).step_by(memory.rows_at_once) {
            let rows = first..count.min(first + memory.rows_at_once);
            let found = self.compare(&memory, rows.clone(), strip, &mut work, tick)?;
            // near ties are scanned on the host, which takes its time: a stop must be heard there too
            let finish = |(found, row)| tick(0).map(|()| self.finish(row, found));
            out.extend(found.into_par_iter().zip(rows.clone()).map(finish).collect::<Result<Vec<_>>>()?);
            tick(wide(rows.len()))?;
        }
        Ok(out)
    }

    /// Compares some rows with all columns, block by block.
    fn compare(
        &self,
        memory: &Memory,
        rows: Range<usize>,
        strip: u32,
        work: &mut UnderWay,
        tick: &Tick<'_>,
    ) -> Result<Vec<Row>> {
        self.upload_rows(memory, rows.clone());
        let mut found = vec![Row::NOTHING; rows.len()];
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
                let pairs = Pairs {
                    rows: narrow(rows.len())?,
                    columns: narrow(end - begin)?,
                    first_row: narrow(rows.start)?,
                    first_column: narrow(begin)?,
                    column_at: narrow(begin - first)?,
                    octets: self.octets,
                    strip,
                    stamp: work.stamp,
                };
                self.submit(memory, pairs, &mut work.pace, &mut found)?;
                tick(0)?;
                begin = end;
            }
        }
        Ok(found)
    }

    /// Allocates what the device needs; `None` where a row doesn't fit.
    fn memory(&self) -> Result<Option<Memory>> {
        use wgpu::BufferUsages as Usage;
        let gpu = self.gpu;
        let binding = gpu.limits.max_storage_buffer_binding_size;
        let row_planes = if self.in_parts() { 2 } else { 1 };
        let row_bytes = self.row_bytes();
        let count = self.clusters.len();
        let most = |bytes: u64, each: u64| to_usize(bytes / each);
        let found_bytes = FOUND_BYTES.min(binding);
        // with as many rows there is room for at least one strip
        let found_rows = most(found_bytes, wide(size_of::<Found>()));
        let rows_at_once = most(binding, row_bytes * row_planes).min(ROWS).min(count).min(found_rows);
        let columns_at_once = most(COLUMN_BYTES.min(binding), row_bytes).min(count);
        if rows_at_once == 0 || columns_at_once == 0 || wide(count) * 4 > binding {
            return Ok(None);
        }
        let pipeline = gpu.pipelines.get(&gpu.device, &centroid_pairs::KERNEL, 0, usize::from(self.in_parts()))?;
        let input = Usage::STORAGE | Usage::COPY_DST;
        let allocate = || {
            let rows = make(gpu, "compared rows", wide(rows_at_once) * row_bytes * row_planes, input);
            let columns = make(gpu, "compared columns", wide(columns_at_once) * row_bytes, input);
            let rest = || make(gpu, "compared columns, rest", wide(columns_at_once) * row_bytes, input);
            let columns_rest = self.in_parts().then(rest);
            let spread = make(gpu, "spreads", wide(count) * 4, input);
            let found = make(gpu, "neighbours", found_bytes, Usage::STORAGE | Usage::COPY_SRC);
            let readback = make(gpu, "neighbours, read back", found_bytes, Usage::MAP_READ);
            let uniforms = make(gpu, "parameters", uniform_bytes(gpu), Usage::UNIFORM | Usage::COPY_DST);
            // The kernel doesn't read the second plane where there is none, but something must be bound.
            let storage = [&rows, &columns, columns_rest.as_ref().unwrap_or(&columns), &spread, &found];
            let bindings = pipeline.bind(&gpu.device, &centroid_pairs::KERNEL, &storage, &uniforms);
            let found_at_once = found_bytes / wide(size_of::<Found>());
            let pipeline = pipeline.clone();
            Memory {
                rows,
                columns,
                columns_rest,
                spread,
                found,
                readback,
                uniforms,
                pipeline,
                bindings,
                rows_at_once,
                columns_at_once,
                found_at_once,
            }
        };
        let memory = scoped(&gpu.device, allocate).map_err(|raised| Error::device(*raised.finding))?;
        let largest = self.spread.iter().copied().fold(0.0, f64::max);
        let unit = unit_scale(largest);
        let spread: Vec<f32> = self.spread.iter().map(|&value| round(value * unit)).collect();
        gpu.queue.write_buffer(&memory.spread, 0, bytemuck::cast_slice(&spread));
        Ok(Some(memory))
    }

    /// The scaled centroid at a place.
    fn copy_scaled(&self, place: usize, row: &mut [f64]) {
        self.view.copy_row(self.clusters[place] as usize, row);
        row.iter_mut().for_each(|value| *value *= self.scale);
    }

    /// Hands over rows chunk by chunk; `pack` appends one.
    fn upload(&self, buffer: &wgpu::Buffer, places: Range<usize>, bytes: u64, pack: impl Fn(&[f64], &mut [u8])) {
        let bytes = to_usize(bytes);
        let at_once = (CHUNK_BYTES / bytes).max(1);
        let mut row = vec![0.0; self.view.cols()];
        let mut packed = vec![0_u8; at_once.min(places.len()) * bytes];
        for first in places.clone().step_by(at_once) {
            let now = first..places.end.min(first + at_once);
            for (place, out) in now.clone().zip(packed.chunks_exact_mut(bytes)) {
                self.copy_scaled(place, &mut row);
                pack(&row, out);
            }
            let offset = wide((first - places.start) * bytes);
            self.gpu.queue.write_buffer(buffer, offset, &packed[..now.len() * bytes]);
            // Each write goes through memory of its own, freed when it is submitted.
            self.gpu.queue.submit([]);
        }
    }

    fn upload_rows(&self, memory: &Memory, places: Range<usize>) {
        if self.in_parts() {
            self.upload(&memory.rows, places, 2 * self.row_bytes(), pair_row);
        } else {
            self.upload(&memory.rows, places, self.row_bytes(), |row, out| plane(row, out, |value| split(value).0));
        }
    }

    fn upload_columns(&self, memory: &Memory, places: Range<usize>) {
        let high = |row: &[f64], out: &mut [u8]| plane(row, out, |value| split(value).0);
        self.upload(&memory.columns, places.clone(), self.row_bytes(), high);
        if let Some(rest) = &memory.columns_rest {
            self.upload(rest, places, self.row_bytes(), |row, out| plane(row, out, |value| split(value).1));
        }
    }

    /// Does one block of pairs and takes what it found into `best`.
    fn submit(&self, memory: &Memory, pairs: Pairs, pace: &mut Pace, best: &mut [Row]) -> Result<()> {
        let mut recorder = Recorder::new(self.gpu, &memory.uniforms);
        centroid_pairs::record(&mut recorder, (&memory.pipeline, &memory.bindings), pairs)?;
        let strips = pairs.columns.div_ceil(pairs.strip) as usize;
        let bytes = wide(best.len() * strips * size_of::<Found>());
        recorder.copy((&memory.found, 0), (&memory.readback, 0), bytes);
        pace.start(pairs.rows, pairs.columns as usize, pairs.octets);
        let submission = recorder.submit();
        read(self.gpu, &memory.readback, bytes, &submission, |bytes| {
            let found: &[Found] = cast(bytes)?;
            for (row, found) in best.iter_mut().zip(found.chunks_exact(strips)) {
                for strip in found {
                    if strip.stamp != pairs.stamp {
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

    /// The answer for the row at a place.
    fn finish(&self, place: usize, found: Row) -> CentroidPairs {
        let (nearest, at) = found.nearest;
        let near = f64::from(nearest);
        // chains of as many octets to a sum as sums to the total, twice what four_by_four may be off
        let error = (80.0 + 4.0 * f64::from(self.octets).sqrt()) * 2.0 * f64::from(f32::EPSILON);
        let told = near >= self.floor && near * (1.0 + error) < f64::from(found.second);
        if !told || !near.is_finite() || at == UNLABELLED {
            return self.scan(place);
        }
        let [mut own, mut other] = [vec![0.0; self.view.cols()], vec![0.0; self.view.cols()]];
        self.view.copy_row(self.clusters[place] as usize, &mut own);
        let mut to = |at: u32| {
            self.view.copy_row(self.clusters[at as usize] as usize, &mut other);
            squared(&own, &other)
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
            let squared = squared(&own, &other);
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
        places.map(|place| self.tell(tick, self.scan(place))).collect()
    }

    fn tell(&self, tick: &Tick<'_>, pairs: CentroidPairs) -> Result<CentroidPairs> {
        tick(1)?;
        Ok(pairs)
    }
}

impl Row {
    const NOTHING: Row = Row { nearest: (f32::MAX, UNLABELLED), second: f32::MAX, worst: (-1.0, UNLABELLED) };

    /// Takes what one strip found. Strips come in ascending order of their columns, so that ties stay with the lower one.
    fn take(&mut self, strip: &Found) {
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

/// One plane of a row, padded with zeros.
fn plane(row: &[f64], out: &mut [u8], part: impl Fn(f64) -> f32) {
    out.fill(0);
    for (out, &value) in out.as_chunks_mut::<4>().0.iter_mut().zip(row) {
        *out = part(value).to_ne_bytes();
    }
}

fn squared(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}
