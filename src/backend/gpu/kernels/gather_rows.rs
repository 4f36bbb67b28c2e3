//! Copies some rows of the centred tile to a buffer of their own; `shaders/gather_rows.wgsl`.

use bytemuck::{Pod, Zeroable};

use crate::backend::gpu::engine::fault::defect;
use crate::backend::gpu::engine::kernel::{Binding, Entry, Kernel};
use crate::backend::gpu::engine::pipeline::Bound;
use crate::backend::gpu::engine::submit::Recorder;
use crate::base::error::Result;

const GROUP: u32 = 64;

/// The kernel's description.
pub(crate) const KERNEL: Kernel = Kernel {
    name: "gather_rows",
    sources: &[include_str!("../../../../shaders/gather_rows.wgsl")],
    entries: &[Entry { name: "gather_rows", workgroup: GROUP }],
    bindings: &[Binding::Read, Binding::Read, Binding::Write, Binding::Params(size_of::<Params>() as u64)],
    variants: &[&[]],
    constants: &[],
};

/// Parameter block; the layout is that of `Params` in the shader.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Params {
    quads: u32,
    row_quads: u32,
    groups_x: u32,
    first_group: u32,
}

/// Records the copying of `rows` rows of `octets` octets.
pub(crate) fn record(recorder: &mut Recorder<'_>, (pipeline, bindings): &Bound, rows: u32, octets: u32) -> Result<()> {
    let row_quads = 2 * octets;
    let quads = rows.checked_mul(row_quads).ok_or_else(|| defect("a tile has more than 2^32 quads"))?;
    recorder.dispatch(pipeline, bindings, quads.div_ceil(GROUP), |grid| Params {
        quads,
        row_quads,
        groups_x: grid.groups_x,
        first_group: grid.first_group,
    })
}
