//! Sums per run of equal labels; `shaders/partial_inertia.wgsl`.

use bytemuck::{Pod, Zeroable};

use super::kernels::{Binding, Entry, Kernel, Pipeline};
use super::submit::Recorder;
use crate::base::error::Result;

/// Rows of a workgroup; no run is longer.
pub(super) const GROUP: u32 = 256;

/// What `kernels::KERNELS` lists.
pub(super) const KERNEL: Kernel = Kernel {
    name: "partial_inertia",
    sources: &[include_str!("../../../shaders/partial_inertia.wgsl")],
    entries: &[Entry { name: "partial_inertia", workgroup: GROUP }],
    bindings: &[Binding::Read, Binding::Read, Binding::Write, Binding::Params(size_of::<Params>() as u64)],
    variants: &[&[]],
    constants: &[],
};

/// As in the shader.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Params {
    entries: u32,
    stamp: u32,
    groups_x: u32,
    first_group: u32,
}

/// What the kernel leaves for a run. As in the shader.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct RunSum {
    pub(super) inertia: f32,
    pub(super) distance: f32,
    pub(super) max_squared: f32,
    pub(super) stamp: u32,
}

/// Records the sums over `entries` sorted rows; every run written carries `stamp`.
pub(super) fn record(
    recorder: &mut Recorder<'_>,
    (pipeline, bindings): (&Pipeline, &wgpu::BindGroup),
    entries: u32,
    stamp: u32,
) -> Result<()> {
    recorder.dispatch(pipeline, bindings, entries.div_ceil(GROUP), |grid| Params {
        entries,
        stamp,
        groups_x: grid.groups_x,
        first_group: grid.first_group,
    })
}
