//! Settings of a GPU, and the defaults that depend on the kind of device.

use crate::backend::Tuning;
use crate::base::memory::free_memory;

/// Default bytes of points in a tile.
pub(crate) const TILE_BYTES: u64 = 16 << 20;

/// Rows of a tile that a search needs to fill a discrete GPU, and most bytes of points that they may take. A workgroup searches
/// 128 rows or fewer, so these are 128 workgroups; large GPUs have about as many multiprocessors. On an H100, a search of
/// 10,000 clusters in 768 columns takes 1.98 s with 5,461 rows and 1.19 s with 16,384.
const FILLING_ROWS: u64 = 1 << 14;
const FILLING_BYTES: u64 = 64 << 20;

/// Default bytes of centroids, over all levels, that stay on the device.
pub(crate) const RESIDENT_BYTES: u64 = 256 << 20;

/// Fewest tiles in flight: one is read, one computed, one read back.
pub(crate) const LANES: usize = 3;

/// Most tiles in flight by default: more need memory and add little.
const MOST_LANES: usize = 12;

/// How a kernel divides rows among invocations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KernelShape {
    /// `PerInvocation` on software rasterizers, `RegisterTile` on GPUs with memory of their own, `WorkgroupTile` on others.
    #[default]
    Auto,
    /// Each invocation processes whole rows. No barriers, which software rasterizers run slowly.
    PerInvocation,
    /// A workgroup processes a tile of rows together, and neighbouring invocations read neighbouring memory.
    WorkgroupTile,
    /// As `WorkgroupTile`, but in searches an invocation processes 8 rows by 8 centroids instead of 4 by 8: twice as many
    /// rows per workgroup, twice as many registers per invocation.
    RegisterTile,
    /// As `RegisterTile`, with workgroups of half the size.
    SmallRegisterTile,
    /// As `RegisterTile`, but searches find candidates with cooperative matrices in float16, and again in float32 where
    /// float16 is not proved to suffice. Only on adapters that offer such matrices.
    Cooperative,
}

impl KernelShape {
    /// The shapes that every device has.
    pub const EVERYWHERE: [KernelShape; 4] = [
        KernelShape::PerInvocation,
        KernelShape::WorkgroupTile,
        KernelShape::RegisterTile,
        KernelShape::SmallRegisterTile,
    ];

    /// Name in records and in the cache of measured speeds.
    pub fn name(self) -> &'static str {
        match self {
            KernelShape::Auto => "auto",
            KernelShape::PerInvocation => "per-invocation",
            KernelShape::WorkgroupTile => "workgroup-tile",
            KernelShape::RegisterTile => "register-tile",
            KernelShape::SmallRegisterTile => "small-register-tile",
            KernelShape::Cooperative => "cooperative",
        }
    }
}

/// How a device runs the kernel with cooperative matrices: the kernel's variants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cooperative {
    /// With one slab of columns in workgroup memory.
    OneBuffer = 0,
    /// With a second slab, which is loaded while the first one is multiplied.
    TwoBuffers = 1,
}

/// Settings of [`GpuBackend::open`](super::super::GpuBackend::open). The defaults are what a run uses.
#[derive(Debug, Clone, Default)]
pub struct GpuOptions {
    /// Shape of the kernels that come in several shapes. Searches may take another one, unless this one is asked for.
    pub kernel_shape: KernelShape,
    /// Shapes that searches try in turn on their first tiles, whatever that costs. Default: those that may be the fastest on the
    /// device, as long as trying them costs next to nothing; `kernel_shape` alone if it is not `Auto`.
    pub search_shapes: Option<Vec<KernelShape>>,
    /// Whether searches are timed, and where their speeds are kept.
    pub tuning: Tuning,
    /// Whether `kernel_shape` was asked for, once the defaults are filled in.
    #[doc(hidden)]
    pub shape_asked: bool,
    /// Lowers the limit on the bytes of one storage binding, so that tests reach the code paths of large inputs.
    pub max_binding: Option<u64>,
    /// Lowers the limit on workgroups per dimension of a dispatch, for the same reason.
    pub max_groups: Option<u32>,
    /// Bytes of centroids, over all levels, that may stay on the device. Default: 256 MiB, or 2 GiB on a device with
    /// memory of its own.
    pub resident_bytes: Option<u64>,
    /// Limits the bytes of all buffers together, so that tests can run short of memory. Default: no limit.
    pub memory_bytes: Option<u64>,
    /// Most bytes of points that stay on the device between passes. Default: as many as can be allocated on a device with
    /// memory of its own; a quarter of the host's free memory where the device shares it.
    pub kept_bytes: Option<u64>,
    /// Bytes of points in a tile, for jobs that leave the number of rows open. Default: 16 MiB, or 8 MiB where the device
    /// shares the host's memory.
    pub tile_bytes: Option<u64>,
    /// Fewest rows of a tile of a job that searches, as long as they take 64 MiB or less and the job leaves the number open.
    /// Default: 16,384 on a discrete GPU, which fewer leave idle; 0 on others.
    pub search_rows: Option<u64>,
    /// Whether waits look for results again and again for a while, instead of sleeping in the driver. Filled in with the
    /// defaults: not on software rasterizers, which need the cores.
    #[doc(hidden)]
    pub polls: bool,
    /// Tiles in flight. Default: 3, or up to 12 on hosts with many cores to read and pack tiles.
    pub lanes: Option<usize>,
}

impl GpuOptions {
    /// Fills in the defaults for a type of device.
    pub(crate) fn resolved(self, device: wgpu::DeviceType) -> GpuOptions {
        let software = device == wgpu::DeviceType::Cpu;
        let shares_memory = software || device == wgpu::DeviceType::IntegratedGpu;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let shape = match (self.kernel_shape, device) {
            (KernelShape::Auto, wgpu::DeviceType::Cpu) => KernelShape::PerInvocation,
            (KernelShape::Auto, wgpu::DeviceType::DiscreteGpu) => KernelShape::RegisterTile,
            (KernelShape::Auto, _) => KernelShape::WorkgroupTile,
            (chosen, _) => chosen,
        };
        let or = |asked: Option<u64>, shared: u64, own: u64| asked.or(Some(if shares_memory { shared } else { own }));
        let discrete = device == wgpu::DeviceType::DiscreteGpu && self.tile_bytes.is_none();
        GpuOptions {
            kernel_shape: shape,
            shape_asked: self.kernel_shape != KernelShape::Auto,
            polls: !software,
            search_rows: self.search_rows.or(Some(if discrete { FILLING_ROWS } else { 0 })),
            tile_bytes: or(self.tile_bytes, TILE_BYTES / 2, TILE_BYTES),
            resident_bytes: or(self.resident_bytes, RESIDENT_BYTES, 8 * RESIDENT_BYTES),
            kept_bytes: self.kept_bytes.or_else(|| Some(if shares_memory { free_memory() / 4 } else { u64::MAX })),
            // A lane reads and packs about 2 GB/s, and waits for the device in between. A software rasterizer needs the cores
            // for itself.
            lanes: self.lanes.or(Some(if software { LANES } else { (3 * cores / 4).clamp(LANES, MOST_LANES) })),
            ..self
        }
    }

    /// Shapes of the search that may be the fastest, the default first, once the defaults are filled in. Software rasterizers run
    /// barriers slowly, so all but the default are far slower there. On GPUs, `PerInvocation` is: ten times on an H100.
    pub(crate) fn candidates(&self, software: bool) -> Vec<KernelShape> {
        const ALL: [KernelShape; 3] =
            [KernelShape::RegisterTile, KernelShape::SmallRegisterTile, KernelShape::WorkgroupTile];
        let default = self.kernel_shape;
        let others = ALL.into_iter().filter(|shape| !software && !self.shape_asked && *shape != default);
        std::iter::once(default).chain(others).collect()
    }

    /// Rows of a tile for jobs that leave their number open.
    pub(crate) fn tile_rows(&self, row_bytes: u64, searches: bool) -> u64 {
        let rows = self.tile_bytes.unwrap_or(TILE_BYTES) / row_bytes;
        let filling = if searches { self.search_rows.unwrap_or(0) } else { 0 };
        rows.max(filling.min(FILLING_BYTES / row_bytes))
    }
}

/// Operations per second of a search on a common device of the kind.
pub(crate) fn nominal_rate(kind: &str) -> f64 {
    match kind {
        "discrete" => 5e12,
        "virtual" => 1e12,
        "integrated" => 5e11,
        "software" => 15e9,
        _ => 1e11,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use KernelShape::{Auto, PerInvocation, RegisterTile, SmallRegisterTile, WorkgroupTile};

    #[test]
    fn tiles_of_a_search_fill_a_discrete_gpu_and_nothing_else_changes() {
        let rows =
            |device, columns: u64, searches| GpuOptions::default().resolved(device).tile_rows(4 * columns, searches);
        use wgpu::DeviceType::{Cpu, DiscreteGpu, IntegratedGpu};
        assert_eq!(rows(DiscreteGpu, 768, true), 16_384);
        // 64 MiB at most
        assert_eq!((rows(DiscreteGpu, 1024, true), rows(DiscreteGpu, 4096, true)), (16_384, 4096));
        assert_eq!((rows(DiscreteGpu, 64, true), rows(DiscreteGpu, 768, false)), (65_536, 5461));
        for device in [Cpu, IntegratedGpu] {
            for columns in [64, 768, 4096] {
                assert_eq!(rows(device, columns, true), rows(device, columns, false));
                assert_eq!(rows(device, columns, true), (8 << 20) / (4 * columns));
            }
        }
        let asked = GpuOptions { tile_bytes: Some(1 << 20), ..GpuOptions::default() }.resolved(DiscreteGpu);
        assert_eq!(asked.tile_rows(4 * 768, true), (1 << 20) / (4 * 768));
    }

    #[test]
    fn a_shape_that_is_asked_for_is_the_only_candidate() {
        use wgpu::DeviceType::{Cpu, DiscreteGpu, IntegratedGpu};
        let candidates = |kernel_shape, device| {
            let options = GpuOptions { kernel_shape, ..GpuOptions::default() }.resolved(device);
            options.candidates(device == Cpu)
        };
        assert_eq!(candidates(Auto, Cpu), [PerInvocation]);
        assert_eq!(candidates(Auto, DiscreteGpu), [RegisterTile, SmallRegisterTile, WorkgroupTile]);
        assert_eq!(candidates(Auto, IntegratedGpu), [WorkgroupTile, RegisterTile, SmallRegisterTile]);
        for device in [Cpu, DiscreteGpu, IntegratedGpu] {
            assert_eq!(candidates(SmallRegisterTile, device), [SmallRegisterTile]);
        }
    }
}
