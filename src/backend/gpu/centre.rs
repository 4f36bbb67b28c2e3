//! The rows of a tile less the job's centre; `shaders/centre.wgsl`.

use bytemuck::{Pod, Zeroable};

use super::kernels::{Binding, DISTANCE, DISTANCE_VARIANTS, Entry, Kernel, Pipeline};
use super::submit::Recorder;
use crate::base::error::Result;

const GROUP: u32 = 64;

/// What `kernels::KERNELS` lists.
pub(super) const KERNEL: Kernel = Kernel {
    name: "centre",
    sources: &[DISTANCE, include_str!("../../../shaders/centre.wgsl")],
    entries: &[Entry { name: "centre", workgroup: GROUP }],
    bindings: &[
        Binding::Read,
        Binding::Read,
        Binding::Read,
        Binding::Write,
        Binding::Params(size_of::<Params>() as u64),
    ],
    variants: DISTANCE_VARIANTS,
    constants: &[],
};

/// As in the shader.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Params {
    octets: u32,
    stride: u32,
    groups_x: u32,
    first_group: u32,
    /// 0, which the shader's compiler must not know.
    zero: u32,
}

/// Records the rows of a tile that has `octets` octets in all, `stride` in a row.
pub(super) fn record(
    recorder: &mut Recorder<'_>,
    (pipeline, bindings): (&Pipeline, &wgpu::BindGroup),
    octets: u32,
    stride: u32,
) -> Result<()> {
    recorder.dispatch(pipeline, bindings, octets.div_ceil(GROUP), |grid| Params {
        octets,
        stride,
        groups_x: grid.groups_x,
        first_group: grid.first_group,
        zero: 0,
    })
}
