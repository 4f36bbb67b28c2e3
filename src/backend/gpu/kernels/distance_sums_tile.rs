//! Sums of distances to runs of inner points in register tiles; `shaders/distance_sums_tile.wgsl`.

use bytemuck::{Pod, Zeroable};

use super::distance_sums::DistanceSumDispatch;
use crate::backend::gpu::engine::fault::defect;
use crate::backend::gpu::engine::kernel::{Binding, EIGHT, Entry, Kernel};
use crate::backend::gpu::engine::pipeline::Bound;
use crate::backend::gpu::engine::submit::Recorder;
use crate::backend::gpu::engine::units::MAX_LOOP_ITERATIONS;
use crate::base::error::Result;

const GROUP: u32 = 256;
/// Outer points of a workgroup, and inner points that it processes at a time.
pub(crate) const OUTER: u32 = 64;
pub(crate) const TILE: u32 = 128;
/// Most tiles of a strip. Longer ones leave less to add up on the host, shorter ones are spread more evenly.
const STRIP_TILES: u32 = 4;

/// The kernel's description.
pub(crate) const KERNEL: Kernel = Kernel {
    name: "distance_sums_tile",
    sources: &[EIGHT, include_str!("../../../../shaders/distance_sums_tile.wgsl")],
    entries: &[Entry { name: "distance_sums_tile", workgroup: GROUP }],
    bindings: &[
        Binding::Read,
        Binding::Read,
        Binding::Read,
        Binding::Write,
        Binding::Params(size_of::<Params>() as u64),
    ],
    variants: &[&[]],
    constants: &[],
};

/// Parameter block; the layout is that of `Params` in the shader.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Params {
    outer: u32,
    first_outer: u32,
    first_inner: u32,
    strips: u32,
    first_strip: u32,
    first_run: u32,
    stride: u32,
    stamp: u32,
    groups_x: u32,
    first_group: u32,
    unused: [u32; 2],
}

/// Most inner points of a strip; `None` if rows are too wide for one invocation.
pub(crate) fn strip(octets: u32) -> Option<usize> {
    // A slab of two octets takes one iteration, a block of four or more slabs another; then three rounds of up to 48 rows.
    let slabs = octets.div_ceil(2);
    let iterations = slabs.saturating_add(slabs / 4).saturating_add(128);
    let tiles = (MAX_LOOP_ITERATIONS / iterations).min(STRIP_TILES);
    (tiles > 0).then_some((tiles * TILE) as usize)
}

/// Records one dispatch.
pub(crate) fn record(
    recorder: &mut Recorder<'_>,
    (pipeline, bindings): &Bound,
    work: DistanceSumDispatch,
) -> Result<()> {
    let groups = work.outer.div_ceil(OUTER).checked_mul(work.strips);
    let groups = groups.ok_or_else(|| defect("sums of distances need more than 2^32 workgroups"))?;
    recorder.dispatch(pipeline, bindings, groups, |grid| Params {
        outer: work.outer,
        first_outer: work.first_outer,
        first_inner: work.first_inner,
        strips: work.strips,
        first_strip: work.first_strip,
        first_run: work.first_run,
        stride: work.octets * 2,
        stamp: work.stamp,
        groups_x: grid.groups_x,
        first_group: grid.first_group,
        unused: [0; 2],
    })
}
