//! Squared distances of sorted rows to their own centroids; `shaders/own_distance.wgsl`.

use bytemuck::{Pod, Zeroable};

use super::kernels::{Binding, DISTANCE, DISTANCE_VARIANTS, Entry, Kernel, Pipeline};
use super::plan::MAX_OCTETS;
use super::submit::Recorder;
use crate::base::error::Result;

/// Invocations that share a row in the entry point `team`.
const TEAM: u32 = 32;
const LANE_GROUP: u32 = 64;
const TEAM_GROUP: u32 = 128;

/// What `kernels::KERNELS` lists.
pub(super) const KERNEL: Kernel = Kernel {
    name: "own_distance",
    sources: &[DISTANCE, include_str!("../../../shaders/own_distance.wgsl")],
    entries: &[Entry { name: "lane", workgroup: LANE_GROUP }, Entry { name: "team", workgroup: TEAM_GROUP }],
    bindings: &[
        Binding::Read,
        Binding::Read,
        Binding::Read,
        Binding::Read,
        Binding::Write,
        Binding::Params(size_of::<Params>() as u64),
    ],
    variants: DISTANCE_VARIANTS,
    constants: &[("TEAM", TEAM as f64)],
};

/// As in the shader.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Params {
    entries: u32,
    stride: u32,
    begin: u32,
    end: u32,
    accumulate: u32,
    groups_x: u32,
    first_group: u32,
    /// 0, which the shader's compiler must not know.
    zero: u32,
}

/// Entry point number 0: an invocation does a whole row. Number 1: a team shares it.
pub(super) fn rows_per_group(entry: usize) -> u32 {
    if entry == 0 { LANE_GROUP } else { TEAM_GROUP / TEAM }
}

/// Records the distances of `entries` rows of `octets` octets.
pub(super) fn record(
    recorder: &mut Recorder<'_>,
    (pipeline, bindings): (&Pipeline, &wgpu::BindGroup),
    entry: usize,
    entries: u32,
    octets: u32,
) -> Result<()> {
    let mut begin = 0;
    while begin < octets {
        let end = octets.min(begin + MAX_OCTETS);
        recorder.dispatch(pipeline, bindings, entries.div_ceil(rows_per_group(entry)), |grid| Params {
            entries,
            stride: octets,
            begin,
            end,
            accumulate: u32::from(begin > 0),
            groups_x: grid.groups_x,
            first_group: grid.first_group,
            zero: 0,
        })?;
        begin = end;
    }
    Ok(())
}
