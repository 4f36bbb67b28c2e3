//! How a job is laid out on a device: strides, tile size, what stays resident.

use super::GpuOptions;
use super::top2::LANE_CENTROIDS;
use crate::backend::Job;
use crate::base::error::{Error, Finding, Result};
use crate::base::matrix::{Dtype, MatrixView};
use crate::base::numeric::to_usize;

/// Columns of an octet, the unit in which the kernels read rows.
pub(super) const OCTET: usize = 8;

/// Octets that one dispatch runs over. With its loops' overheads this stays below the 65,535 iterations after which
/// Mesa's lavapipe silently stops an invocation.
pub(super) const MAX_OCTETS: u32 = 32_768;

/// Bytes of points in a tile where the job doesn't name its rows.
pub(super) const TILE_BYTES: u64 = 16 << 20;

/// All levels' centroids together may take this much to stay on the device.
pub(super) const RESIDENT_BYTES: u64 = 256 << 20;

/// Bytes of the block of distances that one pairwise submission fills at most.
const BLOCK_BYTES: u64 = 32 << 20;

/// Bytes of the block of centred centroids that one dispatch of a search reads at most.
const SEARCH_BYTES: u64 = 64 << 20;

/// Bytes of sums by label that come back at once at most.
const SUMS_BYTES: u64 = 8 << 20;

/// Bytes in front of a block of results: its stamp.
pub(super) const BLOCK_HEADER: u64 = 16;

/// Tiles in flight at least: one is read, one computed, one read back.
pub(super) const LANES: usize = 3;

/// Rows of a tile that the job doesn't name, at most: what is kept of a row beside its columns weighs more than they do
/// where rows are narrow.
const TILE_ROWS: u64 = 1 << 16;

/// Bytes of an entry of the sorted rows, of a row's squared distance, and of a run's sums.
pub(super) const ENTRY_BYTES: u64 = 12;
pub(super) const SQUARED_BYTES: u64 = 4;
pub(super) const RUN_BYTES: u64 = 16;

/// Bytes of what a search finds for a row.
pub(super) const BEST_BYTES: u64 = 48;

/// Sizes that follow from a job and a device.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// Octets of a padded row.
    pub(super) octets: u32,
    /// Bytes of a point on the device.
    pub(super) point_row: u64,
    /// Bytes of a centroid on the device, in one plane.
    pub(super) centroid_row: u64,
    /// Per level: whether its centroids stay on the device, or each tile brings those that it uses.
    pub(super) resident: Vec<bool>,
    /// Whether any level that is not resident is stored as float64.
    pub(super) gather_rest: bool,
    /// Rows of a tile.
    pub(super) tile_rows: usize,
    /// Bytes of the distance block; 0 where the job asks for none.
    pub(super) block_bytes: u64,
    /// Per level: whether its centred centroids stay on the device. Empty where the job searches nothing.
    pub(super) search_resident: Vec<bool>,
    /// Centroids of a block that searches read; 0 where not even as many fit as a dispatch does at a time.
    pub(super) search_block: usize,
    /// Bytes of the sums by label that come back at once; 0 where the job asks for none.
    pub(super) sums_bytes: u64,
    /// Bytes that one binding may have.
    pub(super) binding: u64,
    /// Values from here on are left to the host: their squares could overflow float32.
    extreme: f64,
}

impl Plan {
    /// Lays out `job` with tiles of `tile_rows` rows (0: the default size), as far as the limits allow.
    pub(super) fn new(job: &Job<'_>, tile_rows: usize, limits: &wgpu::Limits, options: &GpuOptions) -> Result<Plan> {
        let octets = job.dim.div_ceil(OCTET).max(1);
        let point_bytes = match job.dtype {
            Dtype::F16 => 2,
            Dtype::F32 => 4,
            // a float32 and the float32 of what is left
            Dtype::F64 => 8,
        };
        let binding = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
        let centroid_row = wide(octets * OCTET * 4);
        let mut budget = options.resident_bytes.unwrap_or(RESIDENT_BYTES);
        let resident = resident(job, centroid_row, binding, &mut budget);
        let mut gathered = job.levels.iter().zip(&resident).filter(|(_, resident)| !**resident);
        let mut plan = Plan {
            octets: u32::try_from(octets).map_err(|_| too_wide(job.dim, binding))?,
            point_row: wide(octets * OCTET * point_bytes),
            centroid_row,
            gather_rest: gathered.any(|(level, _)| matches!(level, MatrixView::F64(_))),
            resident,
            tile_rows: 0,
            block_bytes: 0,
            search_resident: search_resident(job, centroid_row, &mut budget),
            search_block: search_block(job, centroid_row, binding),
            sums_bytes: 0,
            binding,
            extreme: extreme(job.dim),
        };
        let most = plan.most_rows(limits.max_buffer_size, job.sums);
        if most == 0 {
            return Err(too_wide(job.dim, binding));
        }
        let wanted = match tile_rows {
            0 => (options.tile_bytes.unwrap_or(TILE_BYTES) / plan.point_row).clamp(1, TILE_ROWS),
            rows => wide(rows),
        };
        let rows = wanted.min(most).min(job.rows.max(1));
        plan.tile_rows = usize::try_from(rows).map_err(|_| too_wide(job.dim, binding))?;
        if job.pairwise {
            let clusters = job.levels.iter().map(|level| wide(level.rows())).max().unwrap_or(0);
            let (column, whole) = (BLOCK_HEADER + rows * 4, BLOCK_HEADER + rows * 4 * clusters);
            plan.block_bytes = BLOCK_BYTES.max(column).min(whole).min(binding);
        }
        if job.sums {
            plan.sums_bytes = BLOCK_HEADER + SUMS_BYTES.min(rows * centroid_row).max(centroid_row);
            plan.sums_bytes = plan.sums_bytes.min(binding);
        }
        Ok(plan)
    }

    /// Rows for which every binding and every buffer stays within the limits.
    fn most_rows(&self, buffer: u64, sums: bool) -> u64 {
        let centroid = if self.gathers() { self.centroid_row } else { 0 };
        let mut bound = self.point_row.max(RUN_BYTES).max(centroid);
        if sums || self.searches() {
            bound = bound.max(self.centroid_row).max(BEST_BYTES);
        }
        let staged = wide(self.resident.len()).max(1) * (ENTRY_BYTES + 2 * centroid).max(RUN_BYTES + SQUARED_BYTES);
        // One row of distances, or of sums, needs its header as well.
        (self.binding.saturating_sub(BLOCK_HEADER) / bound).min(buffer / staged.max(self.point_row))
    }

    /// The same plan with half the rows in a tile; `None` below one row.
    pub(super) fn halved(&self) -> Option<Plan> {
        (self.tile_rows > 1).then(|| Plan { tile_rows: self.tile_rows / 2, ..self.clone() })
    }

    /// Lanes worth opening for `rows` rows in all.
    pub(super) fn lanes(&self, rows: u64, most: Option<usize>) -> usize {
        let most = most.unwrap_or(LANES).max(1);
        usize::try_from(rows.div_ceil(wide(self.tile_rows))).unwrap_or(most).clamp(1, most)
    }

    /// Whether squared differences of values up to `largest` can't overflow in the kernels' sums; false for NaN.
    pub(super) fn computable(&self, largest: f64) -> bool {
        largest < self.extreme
    }

    /// Whether rows are searched for on the device.
    pub(super) fn searches(&self) -> bool {
        !self.search_resident.is_empty()
    }

    /// Whether some searched level's centroids come block by block.
    pub(super) fn streams(&self) -> bool {
        self.search_resident.contains(&false)
    }

    /// Whether some level's centroids come with each tile.
    pub(super) fn gathers(&self) -> bool {
        self.resident.contains(&false)
    }
}

/// Takes levels in their order as long as they fit.
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

/// Takes searched levels in their order as long as their centred centroids fit into what is left; empty where there are none.
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

/// Centroids that a block holds: no more than a level has, nor than a binding holds.
fn search_block(job: &Job<'_>, centroid_row: u64, binding: u64) -> usize {
    let at_a_time = LANE_CENTROIDS as usize;
    let needed = job.searched.iter().map(|searched| padded(searched.len())).max().unwrap_or(0);
    let fits = to_usize(SEARCH_BYTES.min(binding) / centroid_row);
    needed.min(fits / at_a_time * at_a_time)
}

/// A number of centroids with the padding that searches need.
fn padded(centroids: usize) -> usize {
    centroids.next_multiple_of(LANE_CENTROIDS as usize)
}

/// The power of two below which no sum of `dim` squared differences over a workgroup's rows can overflow float32.
fn extreme(dim: usize) -> f64 {
    let rows_bits = 8;
    let dim_bits = i32::try_from(usize::BITS - dim.leading_zeros()).unwrap_or(i32::MAX);
    2.0_f64.powi((126 - rows_bits - dim_bits) / 2 - 1)
}

fn too_wide(dim: usize, binding: u64) -> Error {
    Error::device(
        Finding::new("not even one row fits into what this GPU can bind")
            .expected(format!("rows of at most {binding} bytes"))
            .found(format!("{dim} columns"))
            .hint("use --device cpu"),
    )
}

/// Bytes and counts are 64-bit on the host; `usize` is never wider on the platforms Rust has.
pub(super) fn wide(value: usize) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    fn plan(dim: usize, dtype: Dtype, rows: u64, k: usize, binding: u64) -> Result<Plan> {
        let centroids = Array2::<f32>::zeros((k, dim));
        let levels = vec![MatrixView::F32(centroids.view())];
        let job = Job { keep_rows: true, pairwise: true, ..Job::new(dim, dtype, rows, levels) };
        let limits = wgpu::Limits { max_storage_buffer_binding_size: binding, ..wgpu::Limits::default() };
        Plan::new(&job, 0, &limits, &GpuOptions::default())
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
