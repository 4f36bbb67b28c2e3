//! The four centroids with the lowest scores of each row; `shaders/top2.wgsl`.

use bytemuck::{Pod, Zeroable};

use crate::backend::gpu::engine::kernel::{Binding, Entry, Kernel};
use crate::backend::gpu::engine::pipeline::Bound;
use crate::backend::gpu::engine::submit::Recorder;
use crate::backend::gpu::engine::units::{MAX_LOOP_ITERATIONS, SEARCH_STEP};
use crate::base::error::Result;

/// Invocations per workgroup of the entry points `per_invocation` and `workgroup_tile`, and rows per workgroup.
const INVOCATION_GROUP: u32 = 32;
const TILE_GROUP: u32 = 256;
const INVOCATION_ROWS: u32 = 8 * INVOCATION_GROUP;
const TILE_ROWS: u32 = 64;
/// Centroids that an invocation of `per_invocation`, and a workgroup of `workgroup_tile`, processes at a time.
const INVOCATION_CENTROIDS: u32 = SEARCH_STEP;
const TILE_CENTROIDS: u32 = 128;

/// Larger than any score. Also the norm of padding, which is then never a candidate.
pub(crate) const NOTHING: f32 = f32::MAX;

/// The kernel's description.
pub(crate) const KERNEL: Kernel = Kernel {
    name: "top2",
    sources: &[include_str!("../../../../shaders/top2.wgsl")],
    entries: &[
        Entry { name: "per_invocation", workgroup: INVOCATION_GROUP },
        Entry { name: "workgroup_tile", workgroup: TILE_GROUP },
    ],
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
    rows: u32,
    stride: u32,
    begin: u32,
    end: u32,
    first_place: u32,
    fresh: u32,
    stamp: u32,
    groups_x: u32,
    first_group: u32,
}

/// Result for one row; the layout is that of `Best` in the shader.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct RowCandidates {
    /// Ascending; [`NOTHING`] if there are fewer centroids.
    pub(crate) scores: [f32; 4],
    /// Positions of the centroids among those searched.
    pub(crate) places: [u32; 4],
    /// No other centroid has a lower score.
    pub(crate) floor: f32,
    pub(crate) stamp: u32,
    padding: [u32; 2],
}

/// The work of one dispatch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SearchDispatch {
    pub(crate) rows: u32,
    pub(crate) octets: u32,
    /// The dispatch's centroids: a range of the block on the device.
    pub(crate) begin: u32,
    pub(crate) end: u32,
    /// Position of the block's first centroid among those searched.
    pub(crate) first_place: u32,
    /// Whether this is the first dispatch of a search.
    pub(crate) fresh: bool,
    /// Stamp of this dispatch's results: one more than that of the dispatch before.
    pub(crate) stamp: u32,
}

/// Most centroids per dispatch for rows of `octets` octets, a multiple of what it processes at a time. `None` if rows are too
/// wide for any.
pub(crate) fn most_centroids(entry: usize, octets: u32) -> Option<u32> {
    let (at_a_time, iterations, merge) = match entry {
        0 => (INVOCATION_CENTROIDS, octets.saturating_mul(2).saturating_add(2), 0),
        // Two sides per octet, and four final merges of sixteen shares.
        _ => (TILE_CENTROIDS, octets.saturating_mul(4).saturating_add(2), 4 * 17),
    };
    let times = (MAX_LOOP_ITERATIONS - merge) / iterations;
    (times > 0).then(|| times * at_a_time)
}

/// Records one dispatch of entry point `entry` (0: `per_invocation`, 1: `workgroup_tile`).
pub(crate) fn record(
    recorder: &mut Recorder<'_>,
    (pipeline, bindings): &Bound,
    entry: usize,
    work: SearchDispatch,
) -> Result<()> {
    let rows_per_group = if entry == 0 { INVOCATION_ROWS } else { TILE_ROWS };
    recorder.dispatch(pipeline, bindings, work.rows.div_ceil(rows_per_group), |grid| Params {
        rows: work.rows,
        stride: work.octets,
        begin: work.begin,
        end: work.end,
        first_place: work.first_place,
        fresh: u32::from(work.fresh),
        stamp: work.stamp,
        groups_x: grid.groups_x,
        first_group: grid.first_group,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_dispatch_exceeds_the_loop_iterations() {
        for octets in [1, 4, 96, 1000, 14_000] {
            for (entry, at_a_time, per_octet) in [(0, INVOCATION_CENTROIDS, 2), (1, TILE_CENTROIDS, 4)] {
                let Some(most) = most_centroids(entry, octets) else { continue };
                let iterations = most / at_a_time * (octets * per_octet + 2);
                assert!(most >= at_a_time && iterations <= MAX_LOOP_ITERATIONS, "{entry} {octets}: {iterations}");
            }
        }
        assert!(most_centroids(0, 28_999).is_some() && most_centroids(0, 30_001).is_none());
        assert!(most_centroids(1, u32::MAX).is_none());
    }
}
