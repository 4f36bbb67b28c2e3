//! How a job is laid out on a device: strides, tile size, and what stays on the device.

use super::options::{GpuOptions, LANES};
use super::units::{OCTET, SEARCH_STEP, STAMP_BYTES, wide};
use crate::backend::Job;
use crate::base::error::{Error, Finding, Result};
use crate::base::matrix::{Dtype, MatrixView};
use crate::base::numeric::to_usize;

/// Most bytes of distances that one pairwise submission computes.
const BLOCK_BYTES: u64 = 32 << 20;

/// Most bytes of centred centroids that one dispatch of a search reads.
const SEARCH_BYTES: u64 = 64 << 20;

/// Most bytes of sums by label in one read-back.
const SUMS_BYTES: u64 = 8 << 20;

/// Bytes of rows that a lane stages at a time. Smaller pieces cost more submissions; larger ones leave the processor's cache
/// between reading and packing.
const STAGED_BYTES: u64 = 4 << 20;

/// Most rows of a tile by default. Narrow rows need more memory for their entries and results than for their columns.
const TILE_ROWS: u64 = 1 << 16;

/// Bytes of a sorted row's entry, of its squared distance, and of a run's sums.
pub(crate) const ENTRY_BYTES: u64 = 12;
pub(crate) const SQUARED_BYTES: u64 = 4;
pub(crate) const RUN_BYTES: u64 = 16;

/// Bytes of a search result per row.
pub(crate) const BEST_BYTES: u64 = 48;

/// Bytes of a row's nearest two, and of what precedes them.
pub(crate) const NEAREST_BYTES: u64 = 16;
pub(crate) const NEAREST_HEADER_BYTES: u64 = 16 + 256 * 64;

/// Sizes of tiles and buffers, derived from a job and a device.
#[derive(Debug, Clone)]
pub(crate) struct TilePlan {
    /// Octets of a padded row.
    pub(crate) octets: u32,
    /// Bytes of a point on the device.
    pub(crate) point_row: u64,
    /// Bytes of a centroid on the device, in one plane (hi or lo parts).
    pub(crate) centroid_row: u64,
    /// Per level: whether its centroids stay on the device. If not, each tile uploads those it uses.
    pub(crate) resident: Vec<bool>,
    /// Whether any level that is not resident is float64.
    pub(crate) gather_lo: bool,
    /// Rows of a tile.
    pub(crate) tile_rows: usize,
    /// Bytes of the distance block; 0 if the job asks for no distance matrix.
    pub(crate) block_bytes: u64,
    /// Per level: whether its centred centroids stay on the device. Empty if the job searches nothing.
    pub(crate) search_resident: Vec<bool>,
    /// Centroids in a block that searches read; 0 if not even [`SEARCH_STEP`] of them fit.
    pub(crate) search_block: usize,
    /// Bytes of sums by label in one read-back; 0 if the job asks for none.
    pub(crate) sums_bytes: u64,
    /// Most bytes of one binding.
    pub(crate) binding: u64,
    /// Whether the job's points may stay on the device.
    pub(crate) keeps: bool,
    /// The host evaluates rows with values of this magnitude or more: their squares could overflow float32.
    extreme: f64,
}

impl TilePlan {
    /// Plans `job` with tiles of `tile_rows` rows (0: the default), or fewer if the limits require it. At most
    /// `resident_bytes` of centroids stay on the device.
    pub(crate) fn new(
        job: &Job<'_>,
        tile_rows: usize,
        limits: &wgpu::Limits,
        options: &GpuOptions,
        resident_bytes: u64,
    ) -> Result<TilePlan> {
        let octets = job.dim.div_ceil(OCTET).max(1);
        let point_bytes = match job.dtype {
            Dtype::F16 => 2,
            Dtype::F32 => 4,
            // hi/lo parts
            Dtype::F64 => 8,
        };
        let binding = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
        let centroid_row = wide(octets * OCTET * 4);
        let mut budget = resident_bytes;
        let resident = resident(job, centroid_row, binding, &mut budget);
        let mut gathered = job.levels.iter().zip(&resident).filter(|(_, resident)| !**resident);
        let mut plan = TilePlan {
            octets: u32::try_from(octets).map_err(|_| too_wide(job.dim, binding))?,
            point_row: wide(octets * OCTET * point_bytes),
            centroid_row,
            gather_lo: gathered.any(|(level, _)| matches!(level, MatrixView::F64(_))),
            resident,
            tile_rows: 0,
            block_bytes: 0,
            search_resident: search_resident(job, centroid_row, &mut budget),
            search_block: search_block(job, centroid_row, binding),
            sums_bytes: 0,
            binding,
            keeps: job.kept.is_some(),
            extreme: extreme(job.dim),
        };
        let most = plan.most_rows(limits.max_buffer_size, job.sums);
        if most == 0 {
            return Err(too_wide(job.dim, binding));
        }
        let wanted = match tile_rows {
            0 => options.tile_rows(plan.point_row, plan.searches()).clamp(1, TILE_ROWS),
            rows => wide(rows),
        };
        let rows = wanted.min(most).min(job.rows.max(1));
        plan.tile_rows = usize::try_from(rows).map_err(|_| too_wide(job.dim, binding))?;
        if job.pairwise {
            let clusters = job.levels.iter().map(|level| wide(level.rows())).max().unwrap_or(0);
            let (column, whole) = (STAMP_BYTES + rows * 4, STAMP_BYTES + rows * 4 * clusters);
            plan.block_bytes = BLOCK_BYTES.max(column).min(whole).min(binding);
        }
        if job.sums {
            plan.sums_bytes = STAMP_BYTES + SUMS_BYTES.min(rows * plan.sum_row()).max(plan.sum_row());
            plan.sums_bytes = plan.sums_bytes.min(binding);
        }
        Ok(plan)
    }

    /// Most rows for which every binding and every buffer stays within the limits.
    fn most_rows(&self, buffer: u64, sums: bool) -> u64 {
        let centroid = if self.gathers() { self.centroid_row } else { 0 };
        let mut bound = self.point_row.max(RUN_BYTES).max(centroid);
        if self.searches() {
            bound = bound.max(self.centroid_row).max(BEST_BYTES);
        }
        if sums {
            bound = bound.max(self.sum_row());
        }
        let staged = wide(self.resident.len()).max(1) * (ENTRY_BYTES + 2 * centroid).max(RUN_BYTES + SQUARED_BYTES);
        // Even a single row of distances or sums needs its stamp.
        (self.binding.saturating_sub(STAMP_BYTES) / bound).min(buffer / staged.max(self.point_row))
    }

    /// Bytes of a sum by label: as many as two planes of a centroid.
    pub(crate) fn sum_row(&self) -> u64 {
        2 * self.centroid_row
    }

    /// Rows that are staged at a time. Staging does not grow with the tile: writing to the same memory again is faster.
    pub(crate) fn staged_rows(&self) -> usize {
        to_usize(STAGED_BYTES / self.point_row).clamp(1, self.tile_rows)
    }

    /// Lanes worth opening for an input of `rows` rows.
    pub(crate) fn lanes(&self, rows: u64, most: Option<usize>) -> usize {
        let most = most.unwrap_or(LANES).max(1);
        usize::try_from(rows.div_ceil(wide(self.tile_rows))).unwrap_or(most).clamp(1, most)
    }

    /// Whether sums of squared differences can't overflow float32 for values up to `largest`; false for NaN.
    pub(crate) fn computable(&self, largest: f64) -> bool {
        largest < self.extreme
    }

    /// Whether the job searches on the device.
    pub(crate) fn searches(&self) -> bool {
        !self.search_resident.is_empty()
    }

    /// Whether the device can measure the candidates of a searched level: only if its centroids stay there, stored and
    /// centred.
    pub(crate) fn remeasures(&self, level: usize) -> bool {
        self.resident.get(level) == Some(&true) && self.search_resident.get(level) == Some(&true)
    }

    /// Whether the centroids of a searched level are uploaded block by block.
    pub(crate) fn streams(&self) -> bool {
        self.search_resident.contains(&false)
    }

    /// Whether the centroids of some level are uploaded with each tile.
    pub(crate) fn gathers(&self) -> bool {
        self.resident.contains(&false)
    }
}

/// Decides which levels stay on the device: in their order, as long as they fit.
fn resident(job: &Job<'_>, centroid_row: u64, binding: u64, left: &mut u64) -> Vec<bool> {
    let fits = |level: &MatrixView<'_>| {
        let plane = wide(level.rows()) * centroid_row;
        let planes = if matches!(level, MatrixView::F64(_)) { 2 } else { 1 };
        let fits = plane <= binding && plane * planes <= *left;
        if fits {
            *left -= plane * planes;
        }
        fits
    };
    job.levels.iter().map(fits).collect()
}

/// Decides which searched levels stay on the device: in their order, as long as their centred centroids fit. Empty if no
/// level is searched.
fn search_resident(job: &Job<'_>, centroid_row: u64, left: &mut u64) -> Vec<bool> {
    if job.searched.iter().all(Vec::is_empty) {
        return Vec::new();
    }
    let fits = |searched: &Vec<u32>| {
        let bytes = wide(padded(searched.len())) * (centroid_row + 4);
        let fits = bytes <= *left;
        if fits {
            *left -= bytes;
        }
        fits
    };
    job.searched.iter().map(fits).collect()
}

/// Centroids per block: no more than a level has, and no more than a binding holds.
fn search_block(job: &Job<'_>, centroid_row: u64, binding: u64) -> usize {
    let at_a_time = SEARCH_STEP as usize;
    let needed = job.searched.iter().map(|searched| padded(searched.len())).max().unwrap_or(0);
    let fits = to_usize(SEARCH_BYTES.min(binding) / centroid_row);
    needed.min(fits / at_a_time * at_a_time)
}

/// Rounds a number of centroids up to a multiple of [`SEARCH_STEP`].
fn padded(centroids: usize) -> usize {
    centroids.next_multiple_of(SEARCH_STEP as usize)
}

/// The power of two below which sums of `dim` squared differences over a workgroup's rows can't overflow float32.
fn extreme(dim: usize) -> f64 {
    let rows_bits = 8;
    let dim_bits = i32::try_from(usize::BITS - dim.leading_zeros()).unwrap_or(i32::MAX);
    2.0_f64.powi((126 - rows_bits - dim_bits) / 2 - 1)
}

fn too_wide(dim: usize, binding: u64) -> Error {
    Error::device(
        Finding::new("a single row exceeds the largest binding of this GPU")
            .expected(format!("rows of at most {binding} bytes"))
            .found(format!("{dim} columns"))
            .hint("use --device cpu"),
    )
}

#[cfg(test)]
mod tests {
    use super::super::options::RESIDENT_BYTES;
    use super::*;
    use ndarray::Array2;

    fn plan(dim: usize, dtype: Dtype, rows: u64, k: usize, binding: u64) -> Result<TilePlan> {
        let centroids = Array2::<f32>::zeros((k, dim));
        let levels = vec![MatrixView::F32(centroids.view())];
        let job = Job { keep_rows: true, pairwise: true, ..Job::new(dim, dtype, rows, levels) };
        let limits = wgpu::Limits { max_storage_buffer_binding_size: binding, ..wgpu::Limits::default() };
        TilePlan::new(&job, 0, &limits, &GpuOptions::default(), RESIDENT_BYTES)
    }

    #[test]
    fn a_default_tile_is_sixteen_mebibytes_and_never_more_than_the_job() -> Result<()> {
        assert_eq!(plan(768, Dtype::F32, 1 << 40, 10, 128 << 20)?.tile_rows, (16 << 20) / (768 * 4));
        let small = plan(768, Dtype::F32, 7, 10, 128 << 20)?;
        assert_eq!((small.tile_rows, small.lanes(7, None)), (7, 1));
        Ok(())
    }

    #[test]
    fn every_binding_stays_within_a_lowered_limit() -> Result<()> {
        for (dim, dtype, k) in [(768, Dtype::F32, 1031), (2, Dtype::F16, 100_000), (33, Dtype::F64, 5)] {
            let plan = plan(dim, dtype, 1 << 30, k, 64 << 10)?;
            let rows = wide(plan.tile_rows);
            assert!(rows >= 1 && rows * plan.point_row <= 64 << 10);
            assert!(rows * RUN_BYTES <= 64 << 10 && plan.block_bytes <= 64 << 10);
            assert!(plan.resident[0] || rows * plan.centroid_row <= 64 << 10);
            assert_eq!(plan.resident[0], wide(k) * plan.centroid_row <= 64 << 10);
        }
        Ok(())
    }

    #[test]
    fn a_row_wider_than_the_binding_is_refused() {
        let error = plan(300_000, Dtype::F32, 10, 2, 64 << 10).err().map(|error| error.kind());
        assert_eq!(error, Some(crate::base::error::Kind::Device));
    }

    #[test]
    fn nothing_below_the_extreme_overflows() {
        for dim in [1_usize, 768, 300_000, 1 << 24] {
            let difference = 2.0 * extreme(dim);
            let sum = difference * difference * f64::from(u32::try_from(dim).unwrap_or(u32::MAX)) * 256.0;
            assert!(sum < f64::from(f32::MAX), "{dim}: {sum}");
            assert!(extreme(dim) > 1e12);
        }
    }
}
