//! Distances of a tile's rows to many centroids, block by block.

use std::sync::Arc;

use super::own_distances::LevelCentroids;
use super::resident::ResidentCentroids;
use crate::backend::gpu::engine::centroids::PackedRows;
use crate::backend::gpu::engine::fault::defect;
use crate::backend::gpu::engine::lane::LaneState;
use crate::backend::gpu::engine::location::PointKernel;
use crate::backend::gpu::engine::memory::{STAMP_BYTES, read_stamped, stamped_bytes};
use crate::backend::gpu::engine::pace::Pace;
use crate::backend::gpu::engine::units::{narrow, wide};
use crate::backend::gpu::kernels::pairwise::{self, MatrixBlock};
use crate::base::error::Result;
use crate::base::numeric::to_f32;

/// The operation, bound to every level's centroids.
pub(crate) struct DistanceMatrixOp {
    resident: Arc<ResidentCentroids>,
    levels: Vec<PointKernel>,
    /// Centroids of the current block; empty if the level is resident.
    gathered: PackedRows,
    pace: Pace,
}

/// Columns `first .. first + count` of the wanted ones, which start at centroid `origin`.
#[derive(Debug, Clone, Copy)]
struct Columns {
    origin: usize,
    first: usize,
    count: usize,
}

/// Where a block's centroids are on the device.
struct BlockCentroids {
    /// Position of the first centroid.
    first: u32,
    /// Whether they were staged for this block and have yet to be copied.
    staged: bool,
    /// Columns of the block (ascending) that the host evaluates.
    extreme: Vec<usize>,
}

impl DistanceMatrixOp {
    /// `None` if the job asks for no distance matrix.
    pub(crate) fn new(lane: &LaneState<'_>, resident: &Arc<ResidentCentroids>) -> Result<Option<DistanceMatrixOp>> {
        let Some((block, _)) = &lane.buffers.block else { return Ok(None) };
        let levels = (0..lane.job.levels.len()).map(|level| {
            let centroids = LevelCentroids::of(lane, resident, level)?;
            let pipeline = lane.gpu.pipeline(&pairwise::KERNEL, 0, centroids.variant(lane))?;
            let storage = [&centroids.storage()[..], &[&**block]].concat();
            Ok(PointKernel::new(&pairwise::KERNEL, pipeline, &storage, &lane.buffers.uniforms))
        });
        let levels = levels.collect::<Result<_>>()?;
        let (resident, gathered, pace) = (resident.clone(), PackedRows::default(), Pace::new());
        Ok(Some(DistanceMatrixOp { resident, levels, gathered, pace }))
    }

    /// `Lane::pairwise`: fills `out` (`rows * count`) by blocks of columns.
    pub(crate) fn fill(
        &mut self,
        lane: &mut LaneState<'_>,
        level: usize,
        first: usize,
        count: usize,
        out: &mut [f32],
    ) -> Result<()> {
        let clusters = lane.job.levels.get(level).map_or(0, |view| view.rows());
        let fits = first.checked_add(count).is_some_and(|end| end <= clusters);
        if !fits || out.len() != lane.tile.rows() * count {
            return Err(defect("a block of distances doesn't have the shape of the tile and the level"));
        }
        if lane.location.rows.is_some() {
            return Err(defect("a distance matrix needs consecutive rows"));
        }
        let mut done = 0;
        while done < count && !out.is_empty() {
            let columns = Columns { origin: first, first: done, count: self.next_columns(lane, level, count - done)? };
            let extreme = self.fill_block(lane, level, columns, count, out)?;
            correct(lane, level, columns, count, &extreme, out)?;
            done += columns.count;
        }
        Ok(())
    }

    /// Columns of the next block: as many as fit and as the device computes in a fraction of a second.
    fn next_columns(&self, lane: &LaneState<'_>, level: usize, left: usize) -> Result<usize> {
        let rows = lane.tile.rows();
        let fits = (lane.plan.block_bytes.saturating_sub(STAMP_BYTES)) / (4 * wide(rows));
        let mut columns = wide(left).min(fits).min(self.pace.columns(narrow(rows)?, lane.plan.octets));
        if self.resident.levels[level].is_none() {
            columns = columns.min(wide(lane.plan.tile_rows));
        }
        match usize::try_from(columns) {
            Ok(columns) if columns > 0 => Ok(columns),
            _ => Err(defect("not even one column of distances fits into its buffer")),
        }
    }

    /// Computes one block into its columns of `out`, which has rows of `stride` values. Returns the columns of the block
    /// that the host must evaluate.
    fn fill_block(
        &mut self,
        lane: &mut LaneState<'_>,
        level: usize,
        columns: Columns,
        stride: usize,
        out: &mut [f32],
    ) -> Result<Vec<usize>> {
        let rows = lane.tile.rows();
        let centroids = self.bring_centroids(lane, level, columns)?;
        let block = MatrixBlock {
            rows: narrow(rows)?,
            count: narrow(columns.count)?,
            first_centroid: centroids.first,
            octets: lane.plan.octets,
            stamp: lane.next_stamp(),
        };
        let mut recorder = lane.recorder();
        let buffers = &mut lane.buffers;
        let Some((distances, readback)) = &buffers.block else {
            return Err(defect("a distance matrix has no buffer"));
        };
        if let (true, Some((hi, lo))) = (centroids.staged, &buffers.gathered) {
            let inputs = &buffers.inputs_staging.buffer;
            let bytes = wide(size_of_val(self.gathered.hi.as_slice()));
            recorder.copy((inputs, 0), (hi, 0), bytes);
            if let Some(lo) = lo {
                recorder.copy((inputs, bytes), (lo, 0), wide(size_of_val(self.gathered.lo.as_slice())));
            }
        }
        pairwise::record(&mut recorder, self.levels[level].bound(lane.gpu, &lane.location), block)?;
        let values = rows * columns.count;
        recorder.copy((distances, 0), (readback, 0), stamped_bytes(values));
        self.pace.start(block.rows, columns.count, block.octets);
        let submission = recorder.submit();
        if centroids.staged {
            buffers.inputs_staging.recycle(lane.gpu, &submission);
        }
        read_stamped(lane.gpu, readback, values, &submission, block.stamp, |values| {
            for (to, row) in out.chunks_exact_mut(stride).zip(values.chunks_exact(columns.count)) {
                to[columns.first..columns.first + columns.count].copy_from_slice(row);
            }
            Ok(())
        })?;
        self.pace.stop();
        Ok(centroids.extreme)
    }

    /// Makes sure that the block's centroids are on the device or staged for it.
    fn bring_centroids(&mut self, lane: &mut LaneState<'_>, level: usize, columns: Columns) -> Result<BlockCentroids> {
        let centroid = columns.origin + columns.first;
        if let Some(resident) = &self.resident.levels[level] {
            let extreme = resident.extreme.iter().map(|&cluster| cluster as usize);
            let extreme = extreme.filter(|cluster| (centroid..centroid + columns.count).contains(cluster));
            let extreme = extreme.map(|cluster| cluster - centroid).collect();
            return Ok(BlockCentroids { first: narrow(centroid)?, staged: false, extreme });
        }
        let gathered = &mut self.gathered;
        gathered.clear();
        let mut extreme = Vec::new();
        for column in 0..columns.count {
            let largest = gathered.push(&lane.job.levels[level], centroid + column, lane.plan.octets);
            if !lane.plan.computable(largest) {
                extreme.push(column);
            }
        }
        let (hi, lo): (&[u8], &[u8]) = (bytemuck::cast_slice(&gathered.hi), bytemuck::cast_slice(&gathered.lo));
        lane.buffers.inputs_staging.write(lane.gpu, wide(hi.len() + lo.len()), |mut memory| {
            memory.slice(..hi.len()).copy_from_slice(hi);
            memory.slice(hi.len()..hi.len() + lo.len()).copy_from_slice(lo);
            Ok(())
        })?;
        Ok(BlockCentroids { first: 0, staged: true, extreme })
    }
}

/// Evaluates in float64 the distances of a block that are too inexact, and marks rows with non-finite values.
fn correct(
    lane: &mut LaneState<'_>,
    level: usize,
    columns: Columns,
    stride: usize,
    extreme: &[usize],
    out: &mut [f32],
) -> Result<()> {
    for (row, out) in out.chunks_exact_mut(stride).enumerate() {
        let out = &mut out[columns.first..columns.first + columns.count];
        let largest = lane.tile.largest(row);
        if !largest.is_finite() {
            out.fill(f32::NAN);
            continue;
        }
        let floor = lane.exact.floor(level, largest).sqrt();
        let whole_row = !lane.plan.computable(largest);
        for (column, value) in out.iter_mut().enumerate() {
            let exact_enough = f64::from(*value) >= floor && !whole_row;
            if !exact_enough || extreme.binary_search(&column).is_ok() {
                let cluster = columns.origin + columns.first + column;
                *value = to_f32(lane.exact.squared(&lane.tile, row, level, cluster)?.sqrt());
            }
        }
    }
    Ok(())
}
