//! The GPU backend: WGSL kernels through wgpu, on Vulkan, Metal and DX12.
//!
//! A lane owns a set of buffers and does one tile at a time: points go up once, then each level's rows are sorted by label
//! on the host, their squared distances are taken, and runs of equal labels are added up in float32 within a workgroup.
//! Only the sums come back (and the squared distances where they are wanted); everything wider is float64 on the host.
//! Searches and sums by label read the tile less a common centre. A search leaves each row four candidates by the
//! expanded form and a floor under all others; the candidates are taken again by direct difference, and worst-case bounds
//! say when that is enough. Rows whose squares float32 can't hold are evaluated on the host, so that the answer is right
//! for any finite input.
//!
//! | module | what it knows |
//! |---|---|
//! | `adapter` | which adapters there are, how one becomes a device |
//! | `kernels` | the list of kernels and their pipelines |
//! | `own_distance`, `partial_inertia`, `pairwise`, `centre`, `top2`, `cluster_sums`, `centroid_pairs`, `distance_sums` | one kernel each: bindings, parameters, dispatch |
//! | `plan` | strides, tile size, what fits |
//! | `buffers`, `submit`, `fault` | memory, work, and what can go wrong with either |
//! | `upload`, `centroids`, `searched`, `split`, `sort` | what the kernels read, made on the host |
//! | `lane`, `observe`, `matrix_block` | a tile in flight, and what comes back |
//! | `centring`, `search`, `rescore`, `group_sums` | a tile's nearest two and its sums by label |
//! | `neighbours`, `segment_sums` | what needs no tile: pairs of centroids, distances between points |

mod adapter;
mod buffers;
mod centre;
mod centring;
mod centroid_pairs;
mod centroids;
mod cluster_sums;
mod distance_sums;
mod fault;
mod group_sums;
pub mod kernels;
mod lane;
mod matrix_block;
mod neighbours;
mod observe;
mod own_distance;
mod pairwise;
mod partial_inertia;
mod plan;
mod rescore;
mod search;
mod searched;
mod segment_sums;
mod sort;
mod split;
mod submit;
mod top2;
mod upload;

use std::sync::{Mutex, Weak};

pub use adapter::{AdapterListing, adapters};

use self::buffers::Buffers;
use self::centroids::Resident;
use self::fault::Fault;
use self::kernels::Pipelines;
use self::lane::GpuLane;
use self::neighbours::Comparison;
use self::plan::{LANES, Plan, RESIDENT_BYTES, TILE_BYTES};
use self::segment_sums::SegmentSums;
use crate::backend::{
    Backend, CentroidPairs, DeviceInfo, DistanceSums, DistanceTiling, Job, Lane, PointSet, Tick, Tiling,
};
use crate::base::error::{Error, Result};
use crate::base::matrix::MatrixView;

/// Workgroup memory that kernels may use; every WebGPU adapter has as much.
pub const WORKGROUP_BYTES: u32 = 16 << 10;

/// How the kernels share rows among invocations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KernelShape {
    /// `Lane` on software rasterizers, `Group` on GPUs.
    #[default]
    Auto,
    /// An invocation does a whole row; no barriers, which software rasterizers run badly.
    Lane,
    /// Neighbouring invocations share a row and read neighbouring memory.
    Group,
}

/// Settings of [`GpuBackend::open`]; the default is what a run uses.
#[derive(Debug, Clone, Default)]
pub struct GpuOptions {
    /// Shape of the kernels that have two.
    pub kernel_shape: KernelShape,
    /// Lowers the bytes that one storage binding may have, so that tests can reach what large inputs reach.
    pub max_binding: Option<u64>,
    /// Lowers the workgroups per dimension of a dispatch, for the same reason.
    pub max_groups: Option<u32>,
    /// Bytes that the centroids of all levels may take to stay on the device; by default more where it has memory of its own.
    pub resident_bytes: Option<u64>,
    /// Bytes of points in a tile whose rows the job doesn't name; by default less where the device's memory is the host's.
    pub tile_bytes: Option<u64>,
    /// Tiles in flight; by default more where the host has many cores to read and pack them.
    pub lanes: Option<usize>,
}

impl GpuOptions {
    /// Fills in what depends on the device.
    fn resolved(self, device: wgpu::DeviceType) -> GpuOptions {
        let software = device == wgpu::DeviceType::Cpu;
        let shares_memory = software || device == wgpu::DeviceType::IntegratedGpu;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let shape = match (self.kernel_shape, software) {
            (KernelShape::Auto, true) => KernelShape::Lane,
            (KernelShape::Auto, false) => KernelShape::Group,
            (chosen, _) => chosen,
        };
        let or = |asked: Option<u64>, shared: u64, own: u64| asked.or(Some(if shares_memory { shared } else { own }));
        GpuOptions {
            kernel_shape: shape,
            tile_bytes: or(self.tile_bytes, TILE_BYTES / 2, TILE_BYTES),
            resident_bytes: or(self.resident_bytes, RESIDENT_BYTES, 8 * RESIDENT_BYTES),
            // a lane reads and packs at about 2 GB/s; a software rasterizer wants the cores itself
            lanes: self.lanes.or(Some(if software { LANES } else { (cores / 2).clamp(LANES, 8) })),
            ..self
        }
    }
}

/// A GPU, or a software rasterizer, that evaluates tiles.
#[derive(Debug)]
pub struct GpuBackend {
    device: wgpu::Device,
    queue: wgpu::Queue,
    /// The limits that the device was opened with.
    limits: wgpu::Limits,
    info: DeviceInfo,
    options: GpuOptions,
    fault: Fault,
    pipelines: Pipelines,
    /// Centroids that the lanes of a job share, by the job's address.
    residents: Mutex<Vec<(usize, Weak<Resident>)>>,
}

impl GpuBackend {
    /// Opens the adapter number `index` of [`adapters`]. Fails with `Kind::Device` where there is no such adapter or where
    /// it can't run the kernels.
    pub fn open(index: usize, options: GpuOptions) -> Result<GpuBackend> {
        let opened = adapter::open(index, &options)?;
        Ok(GpuBackend {
            info: adapter::describe(&opened.info, &opened.limits),
            device: opened.device,
            queue: opened.queue,
            limits: opened.limits,
            options: options.resolved(opened.info.device_type),
            fault: opened.fault,
            pipelines: Pipelines::default(),
            residents: Mutex::default(),
        })
    }

    /// Loses the device on purpose, as a crashed driver would: whatever is under way or comes later is an error.
    #[doc(hidden)]
    pub fn destroy(&self) {
        self.device.destroy();
    }
}

impl Backend for GpuBackend {
    fn describe(&self) -> DeviceInfo {
        self.info.clone()
    }

    fn tiling(&self, job: &Job<'_>) -> Result<Tiling> {
        let mut plan = Plan::new(job, job.tile_rows, &self.limits, &self.options)?;
        loop {
            self.fault.check()?;
            let lanes = plan.lanes(job.rows, self.options.lanes);
            // Allocating all lanes once is the only way to learn whether they fit.
            let trial: std::result::Result<Vec<_>, _> = (0..lanes).map(|_| Buffers::new(self, &plan)).collect();
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
        Ok(Box::new(GpuLane::new(self, job, tiling.tile_rows)?))
    }

    fn rate(&self) -> f64 {
        // nominal: what a search reaches on a common device of the kind, and no measurement
        match self.info.kind {
            "discrete" => 5e12,
            "virtual" => 1e12,
            "integrated" => 5e11,
            "software" => 15e9,
            _ => 1e11,
        }
    }

    fn centroid_pairs(
        &self,
        centroids: MatrixView<'_>,
        clusters: &[u32],
        spread: &[f64],
        tick: &Tick<'_>,
    ) -> Result<Vec<CentroidPairs>> {
        Comparison::new(self, centroids, clusters, spread)?.run(tick)
    }

    fn distance_tiling(&self, points: &PointSet) -> DistanceTiling {
        segment_sums::tiling(self, points)
    }

    fn distance_sums<'a>(&'a self, points: &'a PointSet, tiling: DistanceTiling) -> Result<Box<dyn DistanceSums + 'a>> {
        Ok(Box::new(SegmentSums::new(self, points, tiling)?))
    }
}
