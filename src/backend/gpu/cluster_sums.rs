//! Sums of centred rows per run of equal labels; `shaders/cluster_sums.wgsl`.

use bytemuck::{Pod, Zeroable};

use super::kernels::{Binding, Entry, Kernel, Pipeline};
use super::submit::{Recorder, defect};
use crate::base::error::Result;

const GROUP: u32 = 64;

/// What `kernels::KERNELS` lists.
pub(super) const KERNEL: Kernel = Kernel {
    name: "cluster_sums",
    sources: &[include_str!("../../../shaders/cluster_sums.wgsl")],
    entries: &[Entry { name: "cluster_sums", workgroup: GROUP }],
    bindings: &[Binding::Read, Binding::Read, Binding::Write, Binding::Params(size_of::<Params>() as u64)],
    variants: &[&[]],
    constants: &[],
};

/// As in the shader.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Params {
    runs: u32,
    first_run: u32,
    quads: u32,
    list: u32,
    stamp: u32,
    groups_x: u32,
    first_group: u32,
}

/// The runs that one dispatch adds up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Batch {
    pub(super) first_run: u32,
    pub(super) runs: u32,
    /// Where in the order the rows begin, after the runs' beginnings.
    pub(super) list: u32,
    pub(super) octets: u32,
    pub(super) stamp: u32,
}

/// Records one batch.
pub(super) fn record(
    recorder: &mut Recorder<'_>,
    (pipeline, bindings): (&Pipeline, &wgpu::BindGroup),
    batch: Batch,
) -> Result<()> {
    let quads = batch.octets * 2;
    let items = batch.runs.checked_mul(quads).ok_or_else(|| defect("sums of a tile have more than 2^32 quads"))?;
    recorder.dispatch(pipeline, bindings, items.div_ceil(GROUP), |grid| Params {
        runs: batch.runs,
        first_run: batch.first_run,
        quads,
        list: batch.list,
        stamp: batch.stamp,
        groups_x: grid.groups_x,
        first_group: grid.first_group,
    })
}
