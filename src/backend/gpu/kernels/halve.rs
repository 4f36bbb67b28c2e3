//! Converts centred rows to float16; `shaders/halve.wgsl`.

use bytemuck::{Pod, Zeroable};

use crate::backend::gpu::engine::fault::defect;
use crate::backend::gpu::engine::kernel::{Binding, Entry, Kernel};
use crate::backend::gpu::engine::pipeline::Bound;
use crate::backend::gpu::engine::submit::Recorder;
use crate::base::error::Result;

const GROUP: u32 = 64;

/// The kernel's description.
pub(crate) const KERNEL: Kernel = Kernel {
    name: "halve",
    sources: &[include_str!("../../../../shaders/halve.wgsl")],
    entries: &[Entry { name: "halve", workgroup: GROUP }],
    bindings: &[Binding::Read, Binding::Write, Binding::Params(size_of::<Params>() as u64)],
    variants: &[&[]],
    constants: &[],
};

/// Parameter block; the layout is that of `Params` in the shader.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Params {
    octets: u32,
    half_stride: u32,
    stride: u32,
    scale: f32,
    groups_x: u32,
    first_group: u32,
}

/// Records the conversion of `rows` rows, multiplied by `scale`. Rows have `stride` octets in float32, `half_stride` in
/// float16.
pub(crate) fn record(
    recorder: &mut Recorder<'_>,
    (pipeline, bindings): &Bound,
    rows: u32,
    (stride, half_stride): (u32, u32),
    scale: f32,
) -> Result<()> {
    let octets = rows.checked_mul(half_stride).ok_or_else(|| defect("a tile has more than 2^32 octets"))?;
    recorder.dispatch(pipeline, bindings, octets.div_ceil(GROUP), |grid| Params {
        octets,
        half_stride,
        stride,
        scale,
        groups_x: grid.groups_x,
        first_group: grid.first_group,
    })
}
