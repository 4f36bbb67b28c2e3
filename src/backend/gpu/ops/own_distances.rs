//! Distances of a tile's rows to their own centroids: sorted rows go to the device, sums per run come back.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::observe::{LevelResults, observe};
use super::resident::ResidentCentroids;
use super::sort::{Entry, Evaluator, SortedRows, is_sparse};
use crate::backend::gpu::engine::centroids::PackedRows;
use crate::backend::gpu::engine::fault::defect;
use crate::backend::gpu::engine::kernel::distance_variant;
use crate::backend::gpu::engine::lane::LaneState;
use crate::backend::gpu::engine::location::{PointKernel, TileLocation};
use crate::backend::gpu::engine::memory::{cast, read};
use crate::backend::gpu::engine::pipeline::Bound;
use crate::backend::gpu::engine::plan::{ENTRY_BYTES, RUN_BYTES, SQUARED_BYTES};
use crate::backend::gpu::engine::units::wide;
use crate::backend::gpu::kernels::{own_distance, partial_inertia};
use crate::backend::{TileObservation, UNLABELLED};
use crate::base::error::Result;
use crate::base::matrix::MatrixView;

/// One level of the job.
struct LevelWork {
    kernel: PointKernel,
    sorted: SortedRows,
    /// Centroids of the current tile; empty if the level is resident.
    gathered: PackedRows,
}

/// The operation, bound to every level's centroids.
pub(crate) struct OwnDistanceOp {
    resident: Arc<ResidentCentroids>,
    levels: Vec<LevelWork>,
    partial: Bound,
}

impl OwnDistanceOp {
    pub(crate) fn new(lane: &LaneState<'_>, resident: &Arc<ResidentCentroids>) -> Result<OwnDistanceOp> {
        let (gpu, buffers) = (lane.gpu, &lane.buffers);
        let levels = (0..lane.job.levels.len()).map(|level| {
            let centroids = LevelCentroids::of(lane, resident, level)?;
            let entry = gpu.shape_entry();
            let pipeline = gpu.pipeline(&own_distance::KERNEL, entry, centroids.variant(lane))?;
            let storage = [&centroids.storage()[..], &[&*buffers.entries, &*buffers.squared]].concat();
            Ok(LevelWork {
                kernel: PointKernel::new(&own_distance::KERNEL, pipeline, &storage, &buffers.uniforms),
                sorted: SortedRows::default(),
                gathered: PackedRows::default(),
            })
        });
        let levels = levels.collect::<Result<Vec<_>>>()?;
        let pipeline = gpu.pipeline(&partial_inertia::KERNEL, 0, 0)?;
        let storage: [&wgpu::Buffer; 3] = [&buffers.entries, &buffers.squared, &buffers.runs];
        let bindings = pipeline.bind(&gpu.device, &partial_inertia::KERNEL, &storage, &buffers.uniforms);
        Ok(OwnDistanceOp { resident: resident.clone(), levels, partial: (pipeline, bindings) })
    }

    /// `Lane::own_distances`.
    pub(crate) fn observe_tile(
        &mut self,
        lane: &mut LaneState<'_>,
        labels: &[&[u32]],
        out: &mut TileObservation,
    ) -> Result<()> {
        let rows = lane.tile.rows();
        if labels.len() != self.levels.len() || labels.iter().any(|level| level.len() != rows) {
            return Err(defect("the labels don't have the shape of the tile and the job's levels"));
        }
        out.levels.clear();
        out.nonfinite.clear();
        let labelled = |row: usize| labels.iter().any(|labels| labels[row] != UNLABELLED);
        let broken = |&(_, row): &(u32, usize)| !lane.tile.largest(row).is_finite() && labelled(row);
        out.nonfinite.extend((0..).zip(0..rows).filter(broken).map(|(number, _)| number));
        for (level, labels) in labels.iter().enumerate() {
            self.prepare(lane, level, labels, is_sparse(labels))?;
        }
        let keep_rows = lane.job.keep_rows;
        self.compute(lane, 0..self.levels.len(), keep_rows, out)
    }

    /// Squared distance of every row of the tile to the centroid that `labels` names on level `level`, with the bits that
    /// `own_distances` returns unless the tile is sparse; NaN for rows without a label.
    pub(crate) fn squared_to(&mut self, lane: &mut LaneState<'_>, level: usize, labels: &[u32]) -> Result<Vec<f64>> {
        self.prepare(lane, level, labels, false)?;
        let mut out = TileObservation::default();
        self.compute(lane, level..level + 1, true, &mut out)?;
        Ok(out.levels.pop().map(|observed| observed.squared).unwrap_or_default())
    }

    /// Sorts the rows of one level and, if the level isn't resident, packs the centroids they use. With `on_host`, the host
    /// evaluates all of them.
    fn prepare(&mut self, lane: &LaneState<'_>, level: usize, labels: &[u32], on_host: bool) -> Result<()> {
        let LevelWork { sorted, gathered, .. } = &mut self.levels[level];
        let (tile, plan, view) = (&lane.tile, &lane.plan, &lane.job.levels[level]);
        let evaluator = |row| match tile.largest(row) {
            largest if !on_host && plan.computable(largest) => Evaluator::Device,
            largest if largest.is_finite() => Evaluator::Host,
            _ => Evaluator::Nobody,
        };
        gathered.clear();
        let mut slots = 0_u32;
        let resident = self.resident.levels[level].as_ref();
        sorted.fill(labels, view.rows(), evaluator, |label| {
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

    /// Computes the prepared levels `which` on the device and appends their observations to `out`.
    fn compute(
        &mut self,
        lane: &mut LaneState<'_>,
        which: Range<usize>,
        keep_rows: bool,
        out: &mut TileObservation,
    ) -> Result<()> {
        if self.levels[which.clone()].iter().all(|work| work.sorted.entries.is_empty()) {
            for level in which {
                let results = LevelResults { runs: &[], squared: &[], stamp: 0, keep_rows };
                let sorted = &self.levels[level].sorted;
                out.levels.push(observe(&mut lane.exact, &lane.tile, level, sorted, results)?);
            }
            return Ok(());
        }
        self.stage_inputs(lane, which.clone())?;
        // One stamp per level: levels share buffers, so one level's results must not pass for those of another.
        let stamps: Vec<u32> = which.clone().map(|_| lane.next_stamp()).collect();
        let (submission, bytes) = self.submit_levels(lane, which.clone(), &stamps, keep_rows)?;
        let (tile, exact) = (&lane.tile, &mut lane.exact);
        read(lane.gpu, &lane.buffers.readback, bytes, &submission, |results| {
            let mut rest = results;
            for (level, &stamp) in which.zip(&stamps) {
                let sorted = &self.levels[level].sorted;
                let (runs, after) = rest.split_at(sorted.runs.len() * size_of::<partial_inertia::RunSum>());
                let (squared, after) = after.split_at(if keep_rows { sorted.entries.len() * 4 } else { 0 });
                rest = after;
                let results = LevelResults { runs: cast(runs)?, squared: cast(squared)?, stamp, keep_rows };
                out.levels.push(observe(exact, tile, level, sorted, results)?);
            }
            Ok(())
        })
    }

    /// Copies the entries and gathered centroids of the levels to staging memory.
    fn stage_inputs(&self, lane: &mut LaneState<'_>, which: Range<usize>) -> Result<()> {
        let parts = |work: &LevelWork| [wide(work.sorted.entries.len()) * ENTRY_BYTES, hi_bytes(work), lo_bytes(work)];
        let levels = &self.levels[which];
        let bytes = levels.iter().flat_map(parts).sum();
        let location = &lane.location;
        lane.buffers.inputs_staging.write(lane.gpu, bytes, |mut memory| {
            let mut place = 0;
            let mut put = |bytes: &[u8]| {
                memory.slice(place..place + bytes.len()).copy_from_slice(bytes);
                place += bytes.len();
            };
            for work in levels {
                put(bytemuck::cast_slice(&on_device(&work.sorted.entries, location)));
                put(bytemuck::cast_slice(&work.gathered.hi));
                put(bytemuck::cast_slice(&work.gathered.lo));
            }
            Ok(())
        })
    }

    /// Records and submits the levels `which`. Their results follow one another in the read-back buffer; returns their size
    /// in bytes.
    fn submit_levels(
        &mut self,
        lane: &mut LaneState<'_>,
        which: Range<usize>,
        stamps: &[u32],
        keep_rows: bool,
    ) -> Result<(wgpu::SubmissionIndex, u64)> {
        let mut recorder = lane.recorder();
        let (entry, octets) = (lane.gpu.shape_entry(), lane.plan.octets);
        let buffers = &mut lane.buffers;
        let inputs = &buffers.inputs_staging.buffer;
        let (mut staged, mut filled) = (0, 0);
        for (work, &stamp) in self.levels[which].iter_mut().zip(stamps) {
            let count = wide(work.sorted.entries.len());
            recorder.copy((inputs, staged), (&buffers.entries, 0), count * ENTRY_BYTES);
            staged += count * ENTRY_BYTES;
            if let Some((hi, lo)) = &buffers.gathered {
                recorder.copy((inputs, staged), (hi, 0), hi_bytes(work));
                staged += hi_bytes(work);
                if let Some(lo) = lo {
                    recorder.copy((inputs, staged), (lo, 0), lo_bytes(work));
                    staged += lo_bytes(work);
                }
            }
            let entries = u32::try_from(count).map_err(|_| defect("a tile has more than 2^32 rows"))?;
            own_distance::record(&mut recorder, work.kernel.bound(lane.gpu, &lane.location), entry, entries, octets)?;
            partial_inertia::record(&mut recorder, &self.partial, entries, stamp)?;
            let runs = wide(work.sorted.runs.len()) * RUN_BYTES;
            recorder.copy((&buffers.runs, 0), (&buffers.readback, filled), runs);
            filled += runs;
            if keep_rows {
                recorder.copy((&buffers.squared, 0), (&buffers.readback, filled), count * SQUARED_BYTES);
                filled += count * SQUARED_BYTES;
            }
        }
        let submission = recorder.submit();
        buffers.inputs_staging.recycle(lane.gpu, &submission);
        Ok((submission, filled))
    }
}

/// The entries with the rows' numbers on the device.
fn on_device<'e>(entries: &'e [Entry], location: &TileLocation) -> Cow<'e, [Entry]> {
    match location.rows {
        None => Cow::Borrowed(entries),
        Some(_) => entries.iter().map(|entry| Entry { row: location.row(entry.row), ..*entry }).collect(),
    }
}

/// Bytes of the hi parts of a level's gathered centroids.
fn hi_bytes(work: &LevelWork) -> u64 {
    wide(size_of_val(work.gathered.hi.as_slice()))
}

/// Bytes of the lo parts of a level's gathered centroids.
fn lo_bytes(work: &LevelWork) -> u64 {
    wide(size_of_val(work.gathered.lo.as_slice()))
}

/// The buffers that hold one level's centroids.
pub(super) struct LevelCentroids<'b> {
    hi: &'b wgpu::Buffer,
    lo: Option<&'b wgpu::Buffer>,
}

impl<'b> LevelCentroids<'b> {
    /// The level's resident centroids, or the buffers that each tile's centroids are gathered in.
    pub(super) fn of(
        lane: &'b LaneState<'_>,
        resident: &'b ResidentCentroids,
        level: usize,
    ) -> Result<LevelCentroids<'b>> {
        match (&resident.levels[level], &lane.buffers.gathered) {
            (Some(resident), _) => Ok(LevelCentroids { hi: &resident.hi, lo: resident.lo.as_deref() }),
            (None, Some((hi, lo))) => {
                let in_parts = matches!(lane.job.levels[level], MatrixView::F64(_));
                Ok(LevelCentroids { hi, lo: lo.as_deref().filter(|_| in_parts) })
            }
            (None, None) => Err(defect("a level's centroids are nowhere on the device")),
        }
    }

    /// Variant of the kernels that read points and these centroids.
    pub(super) fn variant(&self, lane: &LaneState<'_>) -> usize {
        distance_variant(lane.job.dtype, self.lo.is_some())
    }

    /// The bindings after the points in these kernels. Kernels don't read lo parts that don't exist, but something must be
    /// bound.
    pub(super) fn storage(&self) -> [&wgpu::Buffer; 2] {
        [self.hi, self.lo.unwrap_or(self.hi)]
    }
}
