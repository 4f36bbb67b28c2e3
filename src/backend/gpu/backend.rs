//! The GPU as a [`Backend`].

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::engine::buffers::Buffers;
use super::engine::device::GpuDevice;
use super::engine::fault::Raised;
use super::engine::options::{GpuOptions, KernelShape, nominal_rate};
use super::engine::plan::TilePlan;
use super::engine::point_store::{Chunks, PointStore};
use super::engine::tuning::ShapeClass;
use super::engine::units::{OCTET, wide};
use super::lane::GpuLane;
use super::ops::neighbours::Comparison;
use super::ops::rescore::direct_error;
use super::ops::resident::{self, ResidentCache};
use super::ops::segment_plan;
use super::ops::segment_sums::SegmentSums;
use super::ops::shared_points::SharedCache;
use crate::backend::cpu::{self, CpuBackend};
use crate::backend::{
    Backend, CentroidPairs, DeviceInfo, DistanceSums, DistanceTiling, Job, KeptPoints, Lane, PointSet, PointShape,
    Tick, Tiling, Traffic, Tuned,
};
use crate::base::error::{Error, Result};
use crate::base::matrix::MatrixView;

/// A GPU, or a software rasterizer, that evaluates tiles.
#[derive(Debug)]
pub struct GpuBackend {
    gpu: GpuDevice,
    residents: ResidentCache,
    /// The kept points of all open stores: freed when memory is short.
    kept: Mutex<Vec<Weak<Mutex<Chunks>>>>,
    /// The points of open sums of distances.
    shared: SharedCache,
}

impl GpuBackend {
    /// Opens adapter `index` of [`adapters`](super::adapters).
    ///
    /// # Errors
    /// `Kind::Device` if there is no such adapter or it can't run the kernels.
    pub fn open(index: usize, options: GpuOptions) -> Result<GpuBackend> {
        Ok(GpuBackend {
            gpu: GpuDevice::open(index, options)?,
            residents: ResidentCache::default(),
            kept: Mutex::default(),
            shared: SharedCache::default(),
        })
    }

    /// The kernel shapes that this device can run.
    pub fn kernel_shapes(&self) -> Vec<KernelShape> {
        let cooperative = self.gpu.cooperative.map(|_| KernelShape::Cooperative);
        KernelShape::EVERYWHERE.into_iter().chain(cooperative).collect()
    }

    /// Loses the device on purpose, as a crashed driver would. All current and later work fails.
    #[doc(hidden)]
    pub fn destroy(&self) {
        self.gpu.device.destroy();
    }
}

impl GpuBackend {
    /// Operations per second of the class's searches, and whether all measurements are made; `None` before the first one.
    pub(super) fn tuned_class(&self, class: ShapeClass) -> Option<(f64, bool)> {
        self.gpu.shapes.rate_of(class)
    }

    /// Keeps the choice for a class for later runs.
    pub(super) fn keep_choice(&self, class: ShapeClass, shape: KernelShape, rate: f64) {
        self.gpu.shapes.keep(class, shape, rate);
    }

    /// Allocates what the lanes of a pass and its centroids need, which is the only way to learn whether it fits. The buffers
    /// return to the pool, and the lanes take them from there.
    fn trial(&self, job: &Job<'_>, plan: &TilePlan, lanes: usize) -> std::result::Result<(), Raised> {
        let gpu = &self.gpu;
        let centroids = gpu.scoped(|| resident::allocate(gpu, job, plan))?;
        let lanes = (0..lanes).map(|_| Buffers::new(gpu, plan)).collect::<std::result::Result<Vec<_>, _>>()?;
        drop((centroids, lanes));
        Ok(())
    }

    /// What to try after a trial ran out of memory: fewer kept points; then tiles down to `SMALL` rows; then fewer resident
    /// centroids; then even smaller tiles. `None` if nothing is left to give up.
    fn with_less_memory(&self, job: &Job<'_>, plan: &TilePlan) -> Result<Option<TilePlan>> {
        const SMALL: usize = 1024;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|chunks| chunks.strong_count() > 0);
        if kept.iter().filter_map(Weak::upgrade).any(|chunks| Chunks::shrink(&chunks)) {
            return Ok(Some(plan.clone()));
        }
        if plan.tile_rows <= SMALL && self.gpu.lower_resident_bytes() {
            return self.gpu.plan(job, plan.tile_rows).map(Some);
        }
        if plan.tile_rows > 1 { self.gpu.plan(job, plan.tile_rows / 2).map(Some) } else { Ok(None) }
    }
}

impl Backend for GpuBackend {
    fn describe(&self) -> DeviceInfo {
        self.gpu.info.clone()
    }

    fn traffic(&self) -> Option<Traffic> {
        Some(self.gpu.counters.read())
    }

    fn bus_id(&self) -> Option<String> {
        Some(self.gpu.bus_id.clone()).filter(|id| !id.is_empty())
    }

    fn peak_memory(&self) -> Option<Arc<AtomicU64>> {
        Some(self.gpu.pool.peak())
    }

    fn tiling(&self, job: &Job<'_>) -> Result<Tiling> {
        let gpu = &self.gpu;
        gpu.pool.start_trial();
        let mut plan = gpu.plan(job, job.tile_rows)?;
        loop {
            gpu.fault.check()?;
            let lanes = plan.lanes(job.rows, gpu.options.lanes);
            let raised = match self.trial(job, &plan, lanes) {
                Ok(()) => return Ok(Tiling { tile_rows: plan.tile_rows, lanes }),
                Err(raised) => raised,
            };
            gpu.pool.clear();
            // the driver gets freed memory back only after a poll
            let polled = gpu.device.poll(wgpu::PollType::Poll).is_ok();
            plan = match self.with_less_memory(job, &plan)? {
                Some(plan) if raised.out_of_memory && polled => plan,
                _ => return Err(Error::device(*raised.finding)),
            };
        }
    }

    fn keep(&self, points: PointShape) -> Option<Box<dyn KeptPoints>> {
        let gpu = &self.gpu;
        let octets = wide(points.dim.div_ceil(OCTET).max(1));
        let row = octets * wide(OCTET * points.dtype.size());
        let store = PointStore::new(gpu, points, row, gpu.options.kept_bytes.unwrap_or(0))?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|chunks| chunks.strong_count() > 0);
        kept.push(Arc::downgrade(store.chunks()));
        Some(Box::new(store))
    }

    fn lane<'a>(&'a self, job: &'a Job<'a>, tiling: Tiling) -> Result<Box<dyn Lane + 'a>> {
        Ok(Box::new(GpuLane::new(&self.gpu, &self.residents, job, tiling.tile_rows)?))
    }

    fn rate(&self) -> f64 {
        self.gpu.shapes.known_rate().unwrap_or_else(|| nominal_rate(self.gpu.info.kind))
    }

    fn rate_is_measured(&self) -> bool {
        self.gpu.shapes.known_rate().is_some()
    }

    fn tuned(&self) -> Vec<Tuned> {
        self.gpu.shapes.tuned()
    }

    fn distance_error(&self, dim: usize) -> f64 {
        direct_error(dim)
    }

    fn centroid_pairs(
        &self,
        centroids: MatrixView<'_>,
        clusters: &[u32],
        spread: &[f64],
        tick: &Tick<'_>,
    ) -> Result<Vec<CentroidPairs>> {
        Comparison::new(&self.gpu, centroids, clusters, spread)?.run(tick)
    }

    fn distance_tiling(&self, points: &PointSet) -> DistanceTiling {
        match points.exact.is_empty() {
            true => segment_plan::tiling(&self.gpu, points),
            false => CpuBackend::new(None).distance_tiling(points),
        }
    }

    fn distance_sums<'a>(&'a self, points: &'a PointSet, tiling: DistanceTiling) -> Result<Box<dyn DistanceSums + 'a>> {
        // the device has float32 alone
        if !points.exact.is_empty() {
            return Ok(cpu::sums_of(points));
        }
        Ok(Box::new(SegmentSums::new(&self.gpu, &self.shared, points, tiling)?))
    }
}
