//! The GPU as a [`Backend`].

use super::engine::buffers::Buffers;
use super::engine::device::GpuDevice;
use super::engine::options::{GpuOptions, KernelShape};
use super::engine::plan::TilePlan;
use super::lane::GpuLane;
use super::ops::neighbours::Comparison;
use super::ops::rescore::direct_error;
use super::ops::resident::ResidentCache;
use super::ops::segment_sums::{self, SegmentSums};
use crate::backend::cpu::{self, CpuBackend};
use crate::backend::{
    Backend, CentroidPairs, DeviceInfo, DistanceSums, DistanceTiling, Job, Lane, PointSet, Tick, Tiling,
};
use crate::base::error::{Error, Result};
use crate::base::matrix::MatrixView;

/// A GPU, or a software rasterizer, that evaluates tiles.
#[derive(Debug)]
pub struct GpuBackend {
    gpu: GpuDevice,
    residents: ResidentCache,
}

impl GpuBackend {
    /// Opens adapter `index` of [`adapters`](super::adapters).
    ///
    /// # Errors
    /// `Kind::Device` if there is no such adapter or it can't run the kernels.
    pub fn open(index: usize, options: GpuOptions) -> Result<GpuBackend> {
        Ok(GpuBackend { gpu: GpuDevice::open(index, options)?, residents: ResidentCache::default() })
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

impl Backend for GpuBackend {
    fn describe(&self) -> DeviceInfo {
        self.gpu.info.clone()
    }

    fn tiling(&self, job: &Job<'_>) -> Result<Tiling> {
        let gpu = &self.gpu;
        let mut plan = TilePlan::new(job, job.tile_rows, &gpu.limits, &gpu.options)?;
        loop {
            gpu.fault.check()?;
            let lanes = plan.lanes(job.rows, gpu.options.lanes);
            // Allocating all lanes once is the only way to learn whether they fit.
            let trial: std::result::Result<Vec<_>, _> = (0..lanes).map(|_| Buffers::new(gpu, &plan)).collect();
            match trial {
                Ok(_) => return Ok(Tiling { tile_rows: plan.tile_rows, lanes }),
                Err(raised) => match plan.halved() {
                    Some(smaller) if raised.out_of_memory => plan = smaller,
                    _ => return Err(Error::device(*raised.finding)),
                },
            }
        }
    }

    fn lane<'a>(&'a self, job: &'a Job<'a>, tiling: Tiling) -> Result<Box<dyn Lane + 'a>> {
        Ok(Box::new(GpuLane::new(&self.gpu, &self.residents, job, tiling.tile_rows)?))
    }

    fn rate(&self) -> f64 {
        // Nominal, not measured: what a search reaches on a common device of the kind.
        match self.gpu.info.kind {
            "discrete" => 5e12,
            "virtual" => 1e12,
            "integrated" => 5e11,
            "software" => 15e9,
            _ => 1e11,
        }
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
            true => segment_sums::tiling(&self.gpu, points),
            false => CpuBackend::new(None).distance_tiling(points),
        }
    }

    fn distance_sums<'a>(&'a self, points: &'a PointSet, tiling: DistanceTiling) -> Result<Box<dyn DistanceSums + 'a>> {
        // the device has float32 alone
        if !points.exact.is_empty() {
            return Ok(cpu::sums_of(points));
        }
        Ok(Box::new(SegmentSums::new(&self.gpu, points, tiling)?))
    }
}
