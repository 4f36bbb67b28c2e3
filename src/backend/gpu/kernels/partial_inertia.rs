//! Inertia and distances summed over runs of equal labels; `shaders/partial_inertia.wgsl`.

use bytemuck::{Pod, Zeroable};

use crate::backend::gpu::engine::kernel::{Binding, Entry, Kernel};
use crate::backend::gpu::engine::pipeline::Bound;
use crate::backend::gpu::engine::submit::Recorder;
use crate::base::error::Result;

/// Rows of a workgroup, and of the longest run.
pub(crate) const GROUP: u32 = 256;

/// The kernel's description.
pub(crate) const KERNEL: Kernel = Kernel {
    name: "partial_inertia",
    sources: &[include_str!("../../../../shaders/partial_inertia.wgsl")],
    entries: &[Entry { name: "partial_inertia", workgroup: GROUP }],
    bindings: &[Binding::Read, Binding::Read, Binding::Write, Binding::Params(size_of::<Params>() as u64)],
    variants: &[&[]],
    constants: &[],
};

/// Parameter block; the layout is that of `Params` in the shader.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Params {
    entries: u32,
    stamp: u32,
    groups_x: u32,
    first_group: u32,
}

/// Result for one run; the layout is that of `RunSum` in the shader.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct RunSum {
    pub(crate) inertia: f32,
    pub(crate) distance: f32,
    pub(crate) max_squared: f32,
    pub(crate) stamp: u32,
}

/// Records the sums over `entries` sorted rows. Every result carries `stamp`.
pub(crate) fn record(
    recorder: &mut Recorder<'_>,
    (pipeline, bindings): &Bound,
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
