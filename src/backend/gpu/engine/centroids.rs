//! Uploads centroids as one plane of hi parts, and one of lo parts if they are float64.

use std::ops::Range;

use rayon::iter::{IndexedParallelIterator as _, IntoParallelIterator as _, ParallelIterator as _};
use rayon::slice::ParallelSliceMut as _;

use super::device::GpuDevice;
use super::fault::defect;
use super::hi_lo::hi_lo;
use super::memory::{UPLOAD_CHUNK_BYTES, make};
use super::plan::TilePlan;
use super::pool::DeviceBuffer;
use super::units::{OCTET, wide};
use crate::base::error::Result;
use crate::base::magnitude::largest;
use crate::base::matrix::{Dtype, MatrixView};

/// Usage of a plane: the hi or the lo parts of a level's centroids.
const USAGE: wgpu::BufferUsages = wgpu::BufferUsages::STORAGE.union(wgpu::BufferUsages::COPY_DST);

/// Padded centroids on the host, as hi/lo parts.
#[derive(Debug, Default)]
pub(crate) struct PackedRows {
    /// Hi parts, `[rows, octets * 8]`.
    pub(crate) hi: Vec<f32>,
    /// Lo parts in the same shape; empty if the centroids are float32.
    pub(crate) lo: Vec<f32>,
    /// Whether any lo part is not zero.
    pub(crate) has_lo: bool,
}

impl PackedRows {
    pub(crate) fn clear(&mut self) {
        self.hi.clear();
        self.lo.clear();
        self.has_lo = false;
    }

    /// Appends row `row` of `view` and returns its largest magnitude; infinite or NaN if any value is.
    pub(crate) fn push(&mut self, view: &MatrixView<'_>, row: usize, octets: u32) -> f64 {
        let start = self.hi.len();
        let end = start + octets as usize * OCTET;
        self.hi.resize(end, 0.0);
        if let MatrixView::F64(_) = view {
            self.lo.resize(end, 0.0);
        }
        let lo = self.lo.get_mut(start..end).unwrap_or_default();
        let (largest, has_lo) = pack(view, row, &mut self.hi[start..end], lo);
        self.has_lo |= has_lo;
        largest
    }

    /// Replaces the content with the rows `rows` of `view` and returns their largest magnitudes. All threads of the rayon pool
    /// share the work.
    fn fill(&mut self, view: &MatrixView<'_>, rows: Range<usize>, octets: u32) -> Vec<f64> {
        let stride = octets as usize * OCTET;
        self.hi.clear();
        self.hi.resize(rows.len() * stride, 0.0);
        self.lo.clear();
        let packed: Vec<(f64, bool)> = match view {
            MatrixView::F32(_) => {
                let rows = rows.into_par_iter().zip(self.hi.par_chunks_mut(stride));
                rows.map(|(row, hi)| pack(view, row, hi, &mut [])).collect()
            }
            MatrixView::F64(_) => {
                self.lo.resize(self.hi.len(), 0.0);
                let planes = self.hi.par_chunks_mut(stride).zip(self.lo.par_chunks_mut(stride));
                rows.into_par_iter().zip(planes).map(|(row, (hi, lo))| pack(view, row, hi, lo)).collect()
            }
        };
        self.has_lo = packed.iter().any(|(_, has_lo)| *has_lo);
        packed.into_iter().map(|(largest, _)| largest).collect()
    }

    /// Removes the last row.
    pub(crate) fn pop(&mut self, octets: u32) {
        let row = octets as usize * OCTET;
        self.hi.truncate(self.hi.len().saturating_sub(row));
        self.lo.truncate(self.lo.len().min(self.hi.len()));
    }
}

/// Writes one row of `view` as hi parts and, if it is float64, lo parts. Returns its largest magnitude (infinite or NaN if any
/// value is), and whether any lo part is not zero.
fn pack(view: &MatrixView<'_>, row: usize, hi: &mut [f32], lo: &mut [f32]) -> (f64, bool) {
    match view {
        MatrixView::F32(matrix) => {
            hi.iter_mut().zip(matrix.row(row)).for_each(|(out, &value)| *out = value);
            (largest(Dtype::F32, bytemuck::cast_slice(hi)), false)
        }
        MatrixView::F64(matrix) => {
            let (mut largest, mut has_lo) = (0, false);
            for ((hi, lo), &value) in hi.iter_mut().zip(lo).zip(matrix.row(row)) {
                (*hi, *lo) = hi_lo(value);
                has_lo |= *lo != 0.0;
                largest = largest.max(value.abs().to_bits());
            }
            (f64::from_bits(largest), has_lo)
        }
    }
}

/// One level's centroids on the device.
#[derive(Debug)]
pub(crate) struct ResidentLevel {
    pub(crate) hi: DeviceBuffer,
    /// `None` if every centroid is exactly a float32.
    pub(crate) lo: Option<DeviceBuffer>,
    /// Clusters (ascending) whose centroid is too large for float32 squares.
    pub(crate) extreme: Vec<u32>,
}

impl ResidentLevel {
    /// Allocates the planes that a level may need.
    pub(crate) fn allocate(gpu: &GpuDevice, view: &MatrixView<'_>, plan: &TilePlan) -> Vec<DeviceBuffer> {
        let planes = if matches!(view, MatrixView::F64(_)) { 2 } else { 1 };
        (0..planes).map(|_| make(gpu, "centroids", wide(view.rows()) * plan.centroid_row, USAGE)).collect()
    }

    /// Uploads a level's centroids.
    pub(crate) fn upload(gpu: &GpuDevice, view: &MatrixView<'_>, plan: &TilePlan) -> Result<ResidentLevel> {
        let row_bytes = plan.centroid_row;
        let bytes = wide(view.rows()) * row_bytes;
        let hi = make(gpu, "centroids", bytes, USAGE);
        let mut lo: Option<DeviceBuffer> = None;
        let mut extreme = Vec::new();
        let mut packed = PackedRows::default();
        let chunk = usize::try_from(UPLOAD_CHUNK_BYTES / row_bytes).unwrap_or(1).max(1);
        for first in (0..view.rows()).step_by(chunk) {
            let rows = first..(first + chunk).min(view.rows());
            for (row, largest) in rows.clone().zip(packed.fill(view, rows, plan.octets)) {
                if !plan.computable(largest) {
                    extreme.push(u32::try_from(row).map_err(|_| defect("more than 2^32 clusters"))?);
                }
            }
            let offset = wide(first) * row_bytes;
            gpu.write(&hi, offset, bytemuck::cast_slice(&packed.hi));
            if packed.has_lo && lo.is_none() {
                // earlier chunks have no lo parts, and a reused buffer is not zero
                let plane = make(gpu, "centroids, lo parts", bytes, USAGE);
                let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
                encoder.clear_buffer(&plane, 0, None);
                gpu.submit(Some(encoder.finish()));
                lo = Some(plane);
            }
            if let (Some(plane), true) = (&lo, packed.has_lo) {
                gpu.write(plane, offset, bytemuck::cast_slice(&packed.lo));
            }
            // Each write allocates memory that is freed by the next submission.
            gpu.submit(None);
        }
        Ok(ResidentLevel { hi, lo, extreme })
    }
}
