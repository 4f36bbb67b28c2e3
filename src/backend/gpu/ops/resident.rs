//! Centroids that stay on the device, shared by all lanes of a job.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::searched::SearchedLevel;
use crate::backend::Job;
use crate::backend::gpu::engine::centroids::ResidentLevel;
use crate::backend::gpu::engine::device::GpuDevice;
use crate::backend::gpu::engine::fault::scoped;
use crate::backend::gpu::engine::plan::TilePlan;
use crate::base::error::{Error, Result};

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
}

impl ResidentCentroids {
    fn upload(gpu: &GpuDevice, job: &Job<'_>, plan: &TilePlan) -> Result<ResidentCentroids> {
        let levels = job.levels.iter().zip(&plan.resident).map(|(view, &stays)| {
            if !stays {
                return Ok(None);
            }
            let uploaded = scoped(&gpu.device, || ResidentLevel::upload(gpu, view, plan));
            uploaded.map_err(|raised| Error::device(*raised.finding))?.map(Some)
        });
        let levels = levels.collect::<Result<_>>()?;
        let searched = (0..job.levels.len()).map(|level| {
            let uploaded = scoped(&gpu.device, || SearchedLevel::upload(gpu, job, plan, level));
            uploaded.map_err(|raised| Error::device(*raised.finding))
        });
        Ok(ResidentCentroids { levels, searched: searched.collect::<Result<_>>()? })
    }
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
