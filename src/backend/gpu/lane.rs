//! One tile in flight on the device.

use std::ops::Range;
use std::sync::Arc;

use super::GpuBackend;
use super::KernelShape;
use super::buffers::{Buffers, read};
use super::centring::Centring;
use super::centroids::{Packed, Resident};
use super::group_sums::Sums;
use super::kernels::{Pipeline, distance_variant};
use super::observe::{Exact, Results};
use super::pairwise::Pace;
use super::plan::{ENTRY_BYTES, Plan, RUN_BYTES, SQUARED_BYTES, wide};
use super::search::Search;
use super::sort::{Sorted, Who};
use super::submit::{Recorder, defect};
use super::upload::HostTile;
use super::{own_distance, pairwise, partial_inertia};
use crate::backend::{GroupSums, Job, Lane, TileObservation, Top2, UNLABELLED};
use crate::base::error::{Error, Result};
use crate::base::matrix::MatrixView;

/// A pipeline with what it reads and writes.
pub(super) type Bound = (Pipeline, wgpu::BindGroup);

/// What a lane holds for one level of the job.
pub(super) struct LevelWork {
    own: Bound,
    /// Only where the job asks for it.
    pub(super) pairwise: Option<Bound>,
    pub(super) sorted: Sorted,
    /// Centroids of the tile under way; empty where the level is resident.
    pub(super) gathered: Packed,
}

/// One tile in flight: its rows on the host, its buffers on the device.
pub(super) struct GpuLane<'a> {
    pub(super) gpu: &'a GpuBackend,
    pub(super) job: &'a Job<'a>,
    pub(super) plan: Plan,
    pub(super) buffers: Buffers,
    pub(super) resident: Arc<Resident>,
    pub(super) levels: Vec<LevelWork>,
    partial: Bound,
    /// Only where the job searches or sums.
    pub(super) centring: Option<Centring>,
    /// Only where the job searches.
    pub(super) search: Option<Search>,
    /// Only where the job sums.
    pub(super) sums: Option<Sums>,
    pub(super) tile: HostTile,
    pub(super) exact: Exact<'a>,
    pub(super) pace: Pace,
    stamp: u32,
}

impl<'a> GpuLane<'a> {
    /// Allocates a lane for tiles of at most `tile_rows` rows.
    pub(super) fn new(gpu: &'a GpuBackend, job: &'a Job<'a>, tile_rows: usize) -> Result<GpuLane<'a>> {
        gpu.fault.check()?;
        let plan = Plan::new(job, tile_rows, &gpu.limits, &gpu.options)?;
        let buffers = Buffers::new(gpu, &plan).map_err(|raised| Error::failed(*raised.finding))?;
        let resident = gpu.resident(job, &plan)?;
        let levels = job.levels.iter().enumerate();
        let levels = levels.map(|(level, view)| bind_level(gpu, job, &buffers, &resident, level, view));
        let levels = levels.collect::<Result<Vec<_>>>()?;
        let partial = gpu.pipelines.get(&gpu.device, &partial_inertia::KERNEL, 0, 0)?;
        let summed = [&buffers.entries, &buffers.squared, &buffers.runs];
        let bindings = partial.bind(&gpu.device, &partial_inertia::KERNEL, &summed, &buffers.uniforms);
        let centring = Centring::new(gpu, job, &plan, &buffers)?;
        let search = Search::new(gpu, &plan, &buffers, &resident)?;
        let sums = Sums::new(gpu, &buffers)?;
        gpu.fault.check()?;
        Ok(GpuLane {
            gpu,
            job,
            tile: HostTile::new(job.dtype, job.dim),
            exact: Exact::new(job),
            plan,
            buffers,
            resident,
            levels,
            partial: (partial, bindings),
            centring,
            search,
            sums,
            pace: Pace::new(),
            stamp: 0,
        })
    }

    /// A number that no earlier work of this lane has left in any buffer; never 0, which is what new buffers hold.
    pub(super) fn next_stamp(&mut self) -> u32 {
        self.stamp = self.stamp.checked_add(1).unwrap_or(1);
        self.stamp
    }

    /// Sorts one level's rows and, where the level isn't resident, packs the centroids they use.
    fn prepare(&mut self, level: usize, labels: &[u32]) -> Result<()> {
        let LevelWork { sorted, gathered, .. } = &mut self.levels[level];
        let (tile, plan, view) = (&self.tile, &self.plan, &self.job.levels[level]);
        let who = |row| match tile.largest(row) {
            largest if plan.computable(largest) => Who::Device,
            largest if largest.is_finite() => Who::Host,
            _ => Who::Nobody,
        };
        gathered.clear();
        let mut slots = 0_u32;
        let resident = self.resident.levels[level].as_ref();
        sorted.fill(labels, view.rows(), who, |label| {
            if let Some(resident) = resident {
                return Ok(resident.extreme.binary_search(&label).is_err().then_some(label));
            }
            if plan.computable(gathered.push(view, label as usize, plan.octets)) {
                slots += 1;
                return Ok(Some(slots - 1));
            }
            gathered.pop(plan.octets);
            Ok(None)
        })
    }

    /// Puts the levels' entries and gathered centroids into staging.
    fn stage_inputs(&mut self, which: Range<usize>) -> Result<()> {
        let parts =
            |work: &LevelWork| [wide(work.sorted.entries.len()) * ENTRY_BYTES, plane_bytes(work), rest_bytes(work)];
        let levels = &self.levels[which];
        let bytes = levels.iter().flat_map(parts).sum();
        self.buffers.inputs_staging.write(self.gpu, bytes, |mut memory| {
            let mut place = 0;
            let mut put = |bytes: &[u8]| {
                memory.slice(place..place + bytes.len()).copy_from_slice(bytes);
                place += bytes.len();
            };
            for work in levels {
                put(bytemuck::cast_slice(&work.sorted.entries));
                put(bytemuck::cast_slice(&work.gathered.high));
                put(bytemuck::cast_slice(&work.gathered.rest));
            }
            Ok(())
        })
    }

    /// Records and submits the levels `which`; their results follow one another in the read-back buffer.
    fn submit_levels(
        &mut self,
        which: Range<usize>,
        stamps: &[u32],
        keep_rows: bool,
    ) -> Result<(wgpu::SubmissionIndex, u64)> {
        let buffers = &mut self.buffers;
        let mut recorder = Recorder::new(self.gpu, &buffers.uniforms);
        let entry = usize::from(self.gpu.options.kernel_shape == KernelShape::Group);
        let inputs = &buffers.inputs_staging.buffer;
        let (mut staged, mut filled) = (0, 0);
        for (work, &stamp) in self.levels[which].iter().zip(stamps) {
            let count = wide(work.sorted.entries.len());
            recorder.copy((inputs, staged), (&buffers.entries, 0), count * ENTRY_BYTES);
            staged += count * ENTRY_BYTES;
            if let Some((high, rest)) = &buffers.gathered {
                recorder.copy((inputs, staged), (high, 0), plane_bytes(work));
                staged += plane_bytes(work);
                if let Some(rest) = rest {
                    recorder.copy((inputs, staged), (rest, 0), rest_bytes(work));
                    staged += rest_bytes(work);
                }
            }
            let entries = u32::try_from(count).map_err(|_| defect("a tile has more than 2^32 rows"))?;
            own_distance::record(&mut recorder, (&work.own.0, &work.own.1), entry, entries, self.plan.octets)?;
            partial_inertia::record(&mut recorder, (&self.partial.0, &self.partial.1), entries, stamp)?;
            let runs = wide(work.sorted.runs.len()) * RUN_BYTES;
            recorder.copy((&buffers.runs, 0), (&buffers.readback, filled), runs);
            filled += runs;
            if keep_rows {
                recorder.copy((&buffers.squared, 0), (&buffers.readback, filled), count * SQUARED_BYTES);
                filled += count * SQUARED_BYTES;
            }
        }
        let submission = recorder.submit();
        buffers.inputs_staging.recycle(self.gpu, &submission);
        Ok((submission, filled))
    }

    /// Runs the levels `which`, which are prepared, on the device and turns what comes back into observations.
    fn compute(&mut self, which: Range<usize>, keep_rows: bool, out: &mut TileObservation) -> Result<()> {
        if self.levels[which.clone()].iter().all(|work| work.sorted.entries.is_empty()) {
            for level in which {
                let results = Results { runs: &[], squared: &[], stamp: 0, keep_rows };
                out.levels.push(self.exact.observe(&self.tile, level, &self.levels[level].sorted, results)?);
            }
            return Ok(());
        }
        self.stage_inputs(which.clone())?;
        // one for each level: they share buffers, and a level must not be taken for the one before it
        let stamps: Vec<u32> = which.clone().map(|_| self.next_stamp()).collect();
        let (submission, bytes) = self.submit_levels(which.clone(), &stamps, keep_rows)?;
        let (tile, levels, exact) = (&self.tile, &self.levels, &mut self.exact);
        read(self.gpu, &self.buffers.readback, bytes, &submission, |results| {
            let mut rest = results;
            for (level, &stamp) in which.zip(&stamps) {
                let sorted = &levels[level].sorted;
                let (runs, after) = rest.split_at(sorted.runs.len() * size_of::<partial_inertia::RunSum>());
                let (squared, after) = after.split_at(if keep_rows { sorted.entries.len() * 4 } else { 0 });
                rest = after;
                let results = Results { runs: cast(runs)?, squared: cast(squared)?, stamp, keep_rows };
                out.levels.push(exact.observe(tile, level, sorted, results)?);
            }
            Ok(())
        })
    }

    /// Squared distance of every row of the tile to the centroid that `labels` names for it on level `level`, exactly as
    /// `own_distances` gives it; NaN where there is none.
    pub(super) fn squared_to(&mut self, level: usize, labels: &[u32]) -> Result<Vec<f64>> {
        self.prepare(level, labels)?;
        let mut out = TileObservation::default();
        self.compute(level..level + 1, true, &mut out)?;
        Ok(out.levels.pop().map(|observed| observed.squared).unwrap_or_default())
    }
}

impl Lane for GpuLane<'_> {
    fn staging(&mut self, rows: usize) -> &mut [u8] {
        self.tile.staging(rows)
    }

    fn upload(&mut self) -> Result<()> {
        self.gpu.fault.check()?;
        if let Some(centring) = &mut self.centring {
            centring.done = false;
        }
        let rows = self.tile.rows();
        if rows > self.plan.tile_rows {
            return Err(defect("a tile has more rows than the lane was opened for"));
        }
        if rows == 0 {
            return Ok(());
        }
        let bytes = wide(rows) * self.plan.point_row;
        let (tile, plan) = (&mut self.tile, &self.plan);
        self.buffers.points_staging.write(self.gpu, bytes, |memory| {
            tile.pack(plan, memory);
            Ok(())
        })?;
        let mut recorder = Recorder::new(self.gpu, &self.buffers.uniforms);
        recorder.copy((&self.buffers.points_staging.buffer, 0), (&self.buffers.points, 0), bytes);
        let submission = recorder.submit();
        self.buffers.points_staging.recycle(self.gpu, &submission);
        self.gpu.fault.check()
    }

    fn own_distances(&mut self, labels: &[&[u32]], out: &mut TileObservation) -> Result<()> {
        self.gpu.fault.check()?;
        let rows = self.tile.rows();
        if labels.len() != self.levels.len() || labels.iter().any(|level| level.len() != rows) {
            return Err(defect("labels don't have the shape of the tile and the job's levels"));
        }
        out.levels.clear();
        out.nonfinite.clear();
        if let Some(first) = labels.first() {
            let broken = |&(row, label): &(usize, u32)| label != UNLABELLED && !self.tile.largest(row).is_finite();
            let rows = (0..).zip(first.iter().copied().enumerate());
            out.nonfinite.extend(rows.filter(|(_, row)| broken(row)).map(|(number, _): (u32, _)| number));
        }
        for (level, labels) in labels.iter().enumerate() {
            self.prepare(level, labels)?;
        }
        self.compute(0..self.levels.len(), self.job.keep_rows, out)
    }

    fn pairwise(&mut self, level: usize, first: usize, count: usize, out: &mut [f32]) -> Result<()> {
        self.distance_matrix(level, first, count, out)
    }

    fn top2(&mut self, level: usize, labels: &[u32], out: &mut Vec<Top2>) -> Result<()> {
        self.search_tile(level, labels, out)
    }

    fn cluster_sums(&mut self, labels: &[u32], out: &mut GroupSums) -> Result<()> {
        self.sum_groups(labels, out)
    }
}

/// Bytes of one plane of a level's gathered centroids.
fn plane_bytes(work: &LevelWork) -> u64 {
    wide(size_of_val(work.gathered.high.as_slice()))
}

fn rest_bytes(work: &LevelWork) -> u64 {
    wide(size_of_val(work.gathered.rest.as_slice()))
}

/// Bytes that the device wrote, as what it wrote.
pub(super) fn cast<T: bytemuck::Pod>(bytes: &[u8]) -> Result<&[T]> {
    bytemuck::try_cast_slice(bytes).map_err(|error| defect(&format!("a result of the GPU is misaligned: {error}")))
}

/// Pipelines and bindings of one level: its centroids are resident or gathered.
fn bind_level(
    gpu: &GpuBackend,
    job: &Job<'_>,
    buffers: &Buffers,
    resident: &Resident,
    level: usize,
    view: &MatrixView<'_>,
) -> Result<LevelWork> {
    let (high, rest) = match (&resident.levels[level], &buffers.gathered) {
        (Some(resident), _) => (&resident.high, resident.rest.as_ref()),
        (None, Some((high, rest))) => (high, rest.as_ref().filter(|_| matches!(view, MatrixView::F64(_)))),
        (None, None) => return Err(defect("a level's centroids are nowhere on the device")),
    };
    let variant = distance_variant(job.dtype, rest.is_some());
    // The kernel doesn't read the second plane where there is none, but something must be bound.
    let centroids = [&buffers.points, high, rest.unwrap_or(high)];
    let shape = usize::from(gpu.options.kernel_shape == KernelShape::Group);
    let own = gpu.pipelines.get(&gpu.device, &own_distance::KERNEL, shape, variant)?;
    let outputs = [&buffers.entries, &buffers.squared];
    let bound = [&centroids[..], &outputs[..]].concat();
    let own_bindings = own.bind(&gpu.device, &own_distance::KERNEL, &bound, &buffers.uniforms);
    let pairwise = match &buffers.block {
        Some((block, _)) => {
            let pipeline = gpu.pipelines.get(&gpu.device, &pairwise::KERNEL, 0, variant)?;
            let bound = [&centroids[..], &[block]].concat();
            let bindings = pipeline.bind(&gpu.device, &pairwise::KERNEL, &bound, &buffers.uniforms);
            Some((pipeline, bindings))
        }
        None => None,
    };
    Ok(LevelWork { own: (own, own_bindings), pairwise, sorted: Sorted::default(), gathered: Packed::default() })
}
