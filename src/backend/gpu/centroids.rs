//! Centroids on their way to the device: a plane of float32, and a second one for what is left of float64.

use std::sync::{Arc, PoisonError};

use super::GpuBackend;
use super::buffers::make;
use super::fault::scoped;
use super::plan::{OCTET, Plan, wide};
use super::searched::Searched;
use super::split::{largest_f32, largest_f64, split};
use crate::backend::Job;
use crate::base::error::{Error, Result};
use crate::base::matrix::MatrixView;

/// Bytes packed on the host before they are handed over.
const CHUNK_BYTES: u64 = 4 << 20;

/// Padded rows on the host.
#[derive(Debug, Default)]
pub(super) struct Packed {
    /// `[rows, octets * 8]`
    pub(super) high: Vec<f32>,
    /// The same shape; empty where centroids are float32.
    pub(super) rest: Vec<f32>,
    /// Whether any rest is not zero.
    pub(super) has_rest: bool,
    row: Vec<f64>,
}

impl Packed {
    pub(super) fn clear(&mut self) {
        self.high.clear();
        self.rest.clear();
        self.has_rest = false;
    }

    /// Appends row `row` of `view` and returns its largest magnitude; infinite or NaN where a value is.
    pub(super) fn push(&mut self, view: &MatrixView<'_>, row: usize, octets: u32) -> f64 {
        let start = self.high.len();
        let end = start + octets as usize * OCTET;
        self.high.resize(end, 0.0);
        let high = &mut self.high[start..end];
        match view {
            MatrixView::F32(matrix) => {
                high.iter_mut().zip(matrix.row(row)).for_each(|(out, &value)| *out = value);
                largest_f32(bytemuck::cast_slice(high))
            }
            MatrixView::F64(_) => {
                self.row.resize(view.cols(), 0.0);
                view.copy_row(row, &mut self.row);
                self.rest.resize(end, 0.0);
                for ((high, rest), &value) in high.iter_mut().zip(&mut self.rest[start..end]).zip(&self.row) {
                    (*high, *rest) = split(value);
                    self.has_rest |= *rest != 0.0;
                }
                largest_f64(bytemuck::cast_slice(&self.row))
            }
        }
    }

    /// Removes the last row.
    pub(super) fn pop(&mut self, octets: u32) {
        let row = octets as usize * OCTET;
        self.high.truncate(self.high.len().saturating_sub(row));
        self.rest.truncate(self.rest.len().min(self.high.len()));
    }
}

/// One level's centroids on the device.
#[derive(Debug)]
pub(super) struct ResidentLevel {
    pub(super) high: wgpu::Buffer,
    /// Only where some centroid is not exactly a float32.
    pub(super) rest: Option<wgpu::Buffer>,
    /// Clusters whose centroid is too large for float32 squares, ascending.
    pub(super) extreme: Vec<u32>,
}

/// What stays on the device, shared by the lanes of a job; by level.
#[derive(Debug)]
pub(super) struct Resident {
    /// Stored centroids; `None` where a tile brings those that it uses.
    pub(super) levels: Vec<Option<ResidentLevel>>,
    /// What searches read; `None` where the level isn't searched.
    pub(super) searched: Vec<Option<Searched>>,
}

impl GpuBackend {
    /// The resident centroids of `job`: uploaded by the first lane, found again by the others.
    ///
    /// A job is known by its address. An entry is alive only as long as one of its lanes is, and lanes borrow the job, so
    /// the address can't have passed to another one.
    pub(super) fn resident(&self, job: &Job<'_>, plan: &Plan) -> Result<Arc<Resident>> {
        let address = std::ptr::from_ref(job).addr();
        let mut known = self.residents.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(_, resident)| resident.strong_count() > 0);
        let found = known.iter().find(|(of, _)| *of == address).and_then(|(_, resident)| resident.upgrade());
        if let Some(resident) = found {
            return Ok(resident);
        }
        let levels = job.levels.iter().zip(&plan.resident).map(|(view, &stays)| {
            if !stays {
                return Ok(None);
            }
            let uploaded = scoped(&self.device, || self.upload_level(view, plan));
            uploaded.map_err(|raised| Error::device(*raised.finding))?.map(Some)
        });
        let levels = levels.collect::<Result<_>>()?;
        let searched = (0..job.levels.len()).map(|level| {
            let uploaded = scoped(&self.device, || self.searched(job, plan, level));
            uploaded.map_err(|raised| Error::device(*raised.finding))
        });
        let resident = Arc::new(Resident { levels, searched: searched.collect::<Result<_>>()? });
        self.fault.check()?;
        known.push((address, Arc::downgrade(&resident)));
        Ok(resident)
    }

    fn upload_level(&self, view: &MatrixView<'_>, plan: &Plan) -> Result<ResidentLevel> {
        let row_bytes = plan.centroid_row;
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
        let bytes = wide(view.rows()) * row_bytes;
        let high = make(self, "centroids", bytes, usage);
        let mut rest: Option<wgpu::Buffer> = None;
        let mut extreme = Vec::new();
        let mut packed = Packed::default();
        let chunk = usize::try_from(CHUNK_BYTES / row_bytes).unwrap_or(1).max(1);
        for first in (0..view.rows()).step_by(chunk) {
            packed.clear();
            for row in first..(first + chunk).min(view.rows()) {
                let largest = packed.push(view, row, plan.octets);
                if !plan.computable(largest) {
                    extreme.push(u32::try_from(row).map_err(|_| super::submit::defect("more than 2^32 clusters"))?);
                }
            }
            let offset = wide(first) * row_bytes;
            self.queue.write_buffer(&high, offset, bytemuck::cast_slice(&packed.high));
            if packed.has_rest {
                // wgpu zeroes new buffers: chunks without a rest need no write.
                let plane = rest.get_or_insert_with(|| make(self, "centroids, rest", bytes, usage));
                self.queue.write_buffer(plane, offset, bytemuck::cast_slice(&packed.rest));
            }
            // Each write goes through memory of its own, freed when it is submitted.
            self.queue.submit([]);
        }
        Ok(ResidentLevel { high, rest, extreme })
    }
}
