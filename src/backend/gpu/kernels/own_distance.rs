//! Squared distances of sorted rows to their own centroids; `shaders/own_distance.wgsl`.

use bytemuck::{Pod, Zeroable};

use crate::backend::gpu::engine::kernel::{Binding, DISTANCE, DISTANCE_VARIANTS, Entry, Kernel, POINTS};
use crate::backend::gpu::engine::pipeline::Bound;
use crate::backend::gpu::engine::submit::Recorder;
use crate::backend::gpu::engine::units::MAX_OCTETS;
use crate::base::error::Result;

/// Invocations that share a row in the entry point `workgroup_tile`.
const ROW_INVOCATIONS: u32 = 32;
/// Invocations per workgroup of the entry points `per_invocation` and `workgroup_tile`.
const INVOCATION_GROUP: u32 = 64;
const TILE_GROUP: u32 = 128;

/// The kernel's description.
pub(crate) const KERNEL: Kernel = Kernel {
    name: "own_distance",
    sources: &[POINTS, DISTANCE, include_str!("../../../../shaders/own_distance.wgsl")],
    entries: &[
        Entry { name: "per_invocation", workgroup: INVOCATION_GROUP },
        Entry { name: "workgroup_tile", workgroup: TILE_GROUP },
    ],
    bindings: &[
        Binding::Read,
        Binding::Read,
        Binding::Read,
        Binding::Read,
        Binding::Write,
        Binding::Params(size_of::<Params>() as u64),
    ],
    variants: DISTANCE_VARIANTS,
    constants: &[("ROW_INVOCATIONS", ROW_INVOCATIONS as f64)],
};

/// Parameter block; the layout is that of `Params` in the shader.
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
    /// Always 0; the shader compiler must not know that.
    zero: u32,
}

/// Rows per workgroup of entry point `entry` (0: `per_invocation`, 1: `workgroup_tile`).
pub(crate) fn rows_per_group(entry: usize) -> u32 {
    if entry == 0 { INVOCATION_GROUP } else { TILE_GROUP / ROW_INVOCATIONS }
}

/// Records the distances of `entries` rows of `octets` octets with entry point `entry`.
pub(crate) fn record(
    recorder: &mut Recorder<'_>,
    (pipeline, bindings): &Bound,
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
