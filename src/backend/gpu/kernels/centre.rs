//! Subtracts the job's centre from the rows of a tile; `shaders/centre.wgsl`.

use bytemuck::{Pod, Zeroable};

use crate::backend::gpu::engine::kernel::{Binding, DISTANCE, DISTANCE_VARIANTS, Entry, Kernel, POINTS};
use crate::backend::gpu::engine::pipeline::Bound;
use crate::backend::gpu::engine::submit::Recorder;
use crate::base::error::Result;

const GROUP: u32 = 64;

/// The kernel's description.
pub(crate) const KERNEL: Kernel = Kernel {
    name: "centre",
    sources: &[POINTS, DISTANCE, include_str!("../../../../shaders/centre.wgsl")],
    entries: &[Entry { name: "centre", workgroup: GROUP }],
    bindings: &[
        Binding::Read,
        Binding::Read,
        Binding::Read,
        Binding::Read,
        Binding::Write,
        Binding::Params(size_of::<Params>() as u64),
    ],
    variants: DISTANCE_VARIANTS,
    constants: &[],
};

/// Parameter block; the layout is that of `Params` in the shader.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Params {
    octets: u32,
    stride: u32,
    listed: u32,
    groups_x: u32,
    first_group: u32,
    /// Always 0; the shader compiler must not know that.
    zero: u32,
}

/// The work of one dispatch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CentreDispatch {
    /// Octets of the tile.
    pub(crate) octets: u32,
    /// Octets of a row.
    pub(crate) stride: u32,
    /// Whether a list maps rows of the tile to rows of the points.
    pub(crate) listed: bool,
}

/// Records the centring of a tile.
pub(crate) fn record(recorder: &mut Recorder<'_>, (pipeline, bindings): &Bound, work: CentreDispatch) -> Result<()> {
    recorder.dispatch(pipeline, bindings, work.octets.div_ceil(GROUP), |grid| Params {
        octets: work.octets,
        stride: work.stride,
        listed: u32::from(work.listed),
        groups_x: grid.groups_x,
        first_group: grid.first_group,
        zero: 0,
    })
}
