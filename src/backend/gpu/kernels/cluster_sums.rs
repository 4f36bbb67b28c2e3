//! Sums over runs of equal labels of the rows' differences from the run's first row; `shaders/cluster_sums.wgsl`.

use bytemuck::{Pod, Zeroable};

use crate::backend::gpu::engine::fault::defect;
use crate::backend::gpu::engine::kernel::{Binding, Entry, Kernel, POINT_VARIANTS, POINTS};
use crate::backend::gpu::engine::pipeline::Bound;
use crate::backend::gpu::engine::submit::Recorder;
use crate::base::error::Result;

const GROUP: u32 = 64;

/// The kernel's description.
pub(crate) const KERNEL: Kernel = Kernel {
    name: "cluster_sums",
    sources: &[POINTS, include_str!("../../../../shaders/cluster_sums.wgsl")],
    entries: &[Entry { name: "cluster_sums", workgroup: GROUP }],
    bindings: &[Binding::Read, Binding::Read, Binding::Write, Binding::Params(size_of::<Params>() as u64)],
    variants: POINT_VARIANTS,
    constants: &[],
};

/// Parameter block; the layout is that of `Params` in the shader.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Params {
    runs: u32,
    first_run: u32,
    octets: u32,
    list: u32,
    stamp: u32,
    groups_x: u32,
    first_group: u32,
    /// Always 0; the shader compiler must not know that.
    zero: u32,
}

/// The runs of one dispatch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SumDispatch {
    pub(crate) first_run: u32,
    pub(crate) runs: u32,
    /// Index in the order where the rows begin, behind the starts of the runs.
    pub(crate) list: u32,
    pub(crate) octets: u32,
    pub(crate) stamp: u32,
}

/// Records one dispatch.
pub(crate) fn record(recorder: &mut Recorder<'_>, (pipeline, bindings): &Bound, work: SumDispatch) -> Result<()> {
    let items = work.runs.checked_mul(work.octets);
    let items = items.ok_or_else(|| defect("the sums of a tile have more than 2^32 octets"))?;
    recorder.dispatch(pipeline, bindings, items.div_ceil(GROUP), |grid| Params {
        runs: work.runs,
        first_run: work.first_run,
        octets: work.octets,
        list: work.list,
        stamp: work.stamp,
        groups_x: grid.groups_x,
        first_group: grid.first_group,
        zero: 0,
    })
}
