//! Centroids that stay on the device, shared by all lanes of a job.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::searched::SearchedLevel;
use crate::backend::Job;
use crate::backend::gpu::engine::buffers::CentroidBlock;
use crate::backend::gpu::engine::centroids::ResidentLevel;
use crate::backend::gpu::engine::device::GpuDevice;
use crate::backend::gpu::engine::memory::make;
use crate::backend::gpu::engine::plan::TilePlan;
use crate::backend::gpu::engine::pool::DeviceBuffer;
use crate::backend::gpu::engine::units::wide;
use crate::backend::gpu::kernels::list_candidates::Place;
use crate::base::error::{Error, Result};
use crate::base::numeric::to_f32;

/// Identifies a job among those that have open lanes.
///
/// It is the job's address. That is unambiguous because lanes borrow their job: as long as a lane is open, its job can
/// neither move nor be replaced by another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct JobId(usize);

impl JobId {
    fn of(job: &Job<'_>) -> JobId {
        JobId(std::ptr::from_ref(job).addr())
    }
}

/// What stays on the device for a job, by level.
#[derive(Debug)]
pub(crate) struct ResidentCentroids {
    /// Stored centroids; `None` if each tile uploads those it uses.
    pub(crate) levels: Vec<Option<ResidentLevel>>,
    /// Centred centroids for searches; `None` if the level is not searched.
    pub(crate) searched: Vec<Option<SearchedLevel>>,
    /// Cluster and norm at each place, for levels whose candidates the device measures.
    pub(crate) places: Vec<Option<DeviceBuffer>>,
}

impl ResidentCentroids {
    fn upload(gpu: &GpuDevice, job: &Job<'_>, plan: &TilePlan) -> Result<ResidentCentroids> {
        let levels = job.levels.iter().zip(&plan.resident).map(|(view, &stays)| {
            if !stays {
                return Ok(None);
            }
            let uploaded = gpu.scoped(|| ResidentLevel::upload(gpu, view, plan));
            uploaded.map_err(|raised| Error::device(*raised.finding))?.map(Some)
        });
        let levels = levels.collect::<Result<_>>()?;
        let searched = (0..job.levels.len()).map(|level| {
            let uploaded = gpu.scoped(|| SearchedLevel::upload(gpu, job, plan, level));
            uploaded.map_err(|raised| Error::device(*raised.finding))
        });
        let searched = searched.collect::<Result<Vec<_>>>()?;
        let places = searched.iter().enumerate().map(|(level, searched)| {
            let searched = searched.as_ref().filter(|_| plan.remeasures(level));
            searched.filter(|searched| !searched.clusters.is_empty()).map(|searched| upload_places(gpu, searched))
        });
        let places = places.collect();
        Ok(ResidentCentroids { levels, searched, places })
    }
}

fn make_places(gpu: &GpuDevice, places: usize) -> DeviceBuffer {
    let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
    make(gpu, "places", wide(places * size_of::<Place>()), usage)
}

/// Uploads the cluster and the norm at each place of a level.
fn upload_places(gpu: &GpuDevice, searched: &SearchedLevel) -> DeviceBuffer {
    let places = searched.clusters.iter().zip(&searched.lengths);
    let places = places.map(|(&cluster, &length)| Place { cluster, length: to_f32(length).next_up() });
    let places: Vec<Place> = places.collect();
    let buffer = make_places(gpu, places.len());
    gpu.write(&buffer, 0, bytemuck::cast_slice(&places));
    buffer
}

/// Allocates what a job's centroids may need on the device, without uploading them.
pub(crate) fn allocate(gpu: &GpuDevice, job: &Job<'_>, plan: &TilePlan) -> Vec<DeviceBuffer> {
    let mut memory = Vec::new();
    for (view, _) in job.levels.iter().zip(&plan.resident).filter(|(_, stays)| **stays) {
        memory.extend(ResidentLevel::allocate(gpu, view, plan));
    }
    let searched = job.searched.iter().enumerate().filter(|(_, searched)| !searched.is_empty());
    memory.extend(
        searched.filter(|(level, _)| plan.remeasures(*level)).map(|(_, places)| make_places(gpu, places.len())),
    );
    for (searched, _) in job.searched.iter().zip(&plan.search_resident).filter(|(_, stays)| **stays) {
        if plan.search_block > 0 {
            let blocks = searched.chunks(plan.search_block);
            memory.extend(blocks.flat_map(|places| CentroidBlock::new(gpu, plan, places.len()).into_buffers()));
        }
    }
    memory
}

/// The resident centroids of all jobs that have open lanes.
#[derive(Debug, Default)]
pub(crate) struct ResidentCache(Mutex<Vec<(JobId, Weak<ResidentCentroids>)>>);

impl ResidentCache {
    /// The resident centroids of `job`. The first lane uploads them and later lanes share them; they are freed with the
    /// last lane.
    pub(crate) fn get(&self, gpu: &GpuDevice, job: &Job<'_>, plan: &TilePlan) -> Result<Arc<ResidentCentroids>> {
        let id = JobId::of(job);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(_, resident)| resident.strong_count() > 0);
        let found = known.iter().find(|(of, _)| *of == id).and_then(|(_, resident)| resident.upgrade());
        if let Some(resident) = found {
            return Ok(resident);
        }
        let resident = Arc::new(ResidentCentroids::upload(gpu, job, plan)?);
        gpu.fault.check()?;
        known.push((id, Arc::downgrade(&resident)));
        Ok(resident)
    }
}
