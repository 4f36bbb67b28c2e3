//! Sums of distances to runs of points; `shaders/distance_sums.wgsl`.

use bytemuck::{Pod, Zeroable};

use super::centroid_pairs::{MOST_TRIPS, TILE, trips};
use super::kernels::{Binding, DISTANCE, Entry, Kernel, Pipeline};
use super::submit::{Recorder, defect};
use crate::base::error::Result;

const GROUP: u32 = 64;

/// Tiles of inner points in a run, as far as one invocation may do as many.
const RUN_TILES: u32 = 8;

/// What `kernels::KERNELS` lists.
pub(super) const KERNEL: Kernel = Kernel {
    name: "distance_sums",
    sources: &[DISTANCE, include_str!("../../../shaders/distance_sums.wgsl")],
    entries: &[Entry { name: "distance_sums", workgroup: GROUP }],
    bindings: &[
        Binding::Read,
        Binding::Read,
        Binding::Read,
        Binding::Read,
        Binding::Write,
        Binding::Params(size_of::<Params>() as u64),
    ],
    variants: &[&[("POINT_BITS", 32.0), ("CENTROID_REST", 0.0)]],
    constants: &[],
};

/// As in the shader.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Params {
    outer: u32,
    runs: u32,
    first_run: u32,
    stride: u32,
    stamp: u32,
    groups_x: u32,
    first_group: u32,
    /// 0, which the shader's compiler must not know.
    zero: u32,
}

/// The runs that one dispatch does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Batch {
    pub(super) outer: u32,
    pub(super) runs: u32,
    pub(super) first_run: u32,
    pub(super) octets: u32,
    pub(super) stamp: u32,
}

/// The most inner points of a run; `None` where rows are too wide for one invocation.
pub(super) fn most_inner(octets: u32) -> Option<usize> {
    let tiles = (MOST_TRIPS / trips(octets)).min(RUN_TILES);
    (tiles > 0).then_some((tiles * TILE) as usize)
}

/// Records one batch.
pub(super) fn record(
    recorder: &mut Recorder<'_>,
    (pipeline, bindings): (&Pipeline, &wgpu::BindGroup),
    batch: Batch,
) -> Result<()> {
    let groups = batch.outer.div_ceil(TILE).checked_mul(batch.runs);
    let groups = groups.ok_or_else(|| defect("a block of distances has more than 2^32 workgroups"))?;
    recorder.dispatch(pipeline, bindings, groups, |grid| Params {
        outer: batch.outer,
        runs: batch.runs,
        first_run: batch.first_run,
        stride: batch.octets,
        stamp: batch.stamp,
        groups_x: grid.groups_x,
        first_group: grid.first_group,
        zero: 0,
    })
}
