//! Settings of a GPU, and the defaults that depend on the kind of device.

use crate::base::memory::free_memory;

/// Default bytes of points in a tile.
pub(crate) const TILE_BYTES: u64 = 16 << 20;

/// Default bytes of centroids, over all levels, that stay on the device.
pub(crate) const RESIDENT_BYTES: u64 = 256 << 20;

/// Fewest tiles in flight: one is read, one computed, one read back.
pub(crate) const LANES: usize = 3;

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
    /// Shape of the kernels that come in several shapes.
    pub kernel_shape: KernelShape,
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
    /// Tiles in flight. Default: 3, or up to 8 on hosts with many cores to read and pack tiles.
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
        GpuOptions {
            kernel_shape: shape,
            tile_bytes: or(self.tile_bytes, TILE_BYTES / 2, TILE_BYTES),
            resident_bytes: or(self.resident_bytes, RESIDENT_BYTES, 8 * RESIDENT_BYTES),
            kept_bytes: self.kept_bytes.or_else(|| Some(if shares_memory { free_memory() / 4 } else { u64::MAX })),
            // A lane reads and packs about 2 GB/s. A software rasterizer needs the cores for itself.
            lanes: self.lanes.or(Some(if software { LANES } else { (cores / 2).clamp(LANES, 8) })),
            ..self
        }
    }
}
