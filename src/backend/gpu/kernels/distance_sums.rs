//! Sums of distances to runs of inner points; `shaders/distance_sums.wgsl`.

use bytemuck::{Pod, Zeroable};

use super::centroid_pairs::{TILE, iterations};
use crate::backend::gpu::engine::fault::defect;
use crate::backend::gpu::engine::kernel::{Binding, DISTANCE, Entry, Kernel, POINTS};
use crate::backend::gpu::engine::pipeline::Bound;
use crate::backend::gpu::engine::submit::Recorder;
use crate::backend::gpu::engine::units::MAX_LOOP_ITERATIONS;
use crate::base::error::Result;

const GROUP: u32 = 64;

/// Most tiles of inner points in a run.
const RUN_TILES: u32 = 8;

/// The kernel's description.
pub(crate) const KERNEL: Kernel = Kernel {
    name: "distance_sums",
    sources: &[POINTS, DISTANCE, include_str!("../../../../shaders/distance_sums.wgsl")],
    entries: &[Entry { name: "distance_sums", workgroup: GROUP }],
    bindings: &[
        Binding::Read,
        Binding::Read,
        Binding::Read,
        Binding::Read,
        Binding::Write,
        Binding::Params(size_of::<Params>() as u64),
    ],
    variants: &[&[("POINT_BITS", 32.0), ("CENTROID_LO", 0.0)]],
    constants: &[],
};

/// Parameter block; the layout is that of `Params` in the shader.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Params {
    outer: u32,
    first_outer: u32,
    first_inner: u32,
    runs: u32,
    first_run: u32,
    stride: u32,
    stamp: u32,
    groups_x: u32,
    first_group: u32,
    /// Always 0; the shader compiler must not know that.
    zero: u32,
    unused: [u32; 2],
}

/// The work of one dispatch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DistanceSumDispatch {
    /// Outer points, and the row of the first one in its buffer.
    pub(crate) outer: u32,
    pub(crate) first_outer: u32,
    /// Number of the inner buffer's first point, in the numbers of the runs.
    pub(crate) first_inner: u32,
    pub(crate) runs: u32,
    pub(crate) first_run: u32,
    /// Strips, and where the first one is in the list of runs and strips. Only register tiles read strips.
    pub(crate) strips: u32,
    pub(crate) first_strip: u32,
    pub(crate) octets: u32,
    pub(crate) stamp: u32,
}

/// Most inner points of a run: float32 adds up no more.
pub(crate) const MOST_INNER: usize = (RUN_TILES * TILE) as usize;

/// Most inner points of a run on this device; `None` if rows are too wide for one invocation.
pub(crate) fn most_inner(octets: u32) -> Option<usize> {
    let tiles = (MAX_LOOP_ITERATIONS / iterations(octets)).min(RUN_TILES);
    (tiles > 0).then_some((tiles * TILE) as usize)
}

/// Records one dispatch.
pub(crate) fn record(
    recorder: &mut Recorder<'_>,
    (pipeline, bindings): &Bound,
    work: DistanceSumDispatch,
) -> Result<()> {
    let groups = work.outer.div_ceil(TILE).checked_mul(work.runs);
    let groups = groups.ok_or_else(|| defect("sums of distances need more than 2^32 workgroups"))?;
    recorder.dispatch(pipeline, bindings, groups, |grid| Params {
        outer: work.outer,
        first_outer: work.first_outer,
        first_inner: work.first_inner,
        runs: work.runs,
        first_run: work.first_run,
        stride: work.octets,
        stamp: work.stamp,
        groups_x: grid.groups_x,
        first_group: grid.first_group,
        zero: 0,
        unused: [0; 2],
    })
}
