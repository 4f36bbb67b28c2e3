//! The four centroids with the lowest scores of each row; `shaders/top2.wgsl`.

use bytemuck::{Pod, Zeroable};

use super::kernels::{Binding, Entry, Kernel, Pipeline};
use super::submit::Recorder;
use crate::base::error::Result;

/// Rows of a workgroup of the entry points `lane` and `team`.
const LANE_ROWS: u32 = 8 * LANE_GROUP;
const TEAM_ROWS: u32 = 64;
const LANE_GROUP: u32 = 32;
const TEAM_GROUP: u32 = 256;
/// Centroids that an invocation of `lane`, and a workgroup of `team`, does at a time.
pub(super) const LANE_CENTROIDS: u32 = 16;
const TEAM_CENTROIDS: u32 = 128;

/// Iterations of all its loops that one invocation may do: Mesa's lavapipe silently stops it after 65,535.
const MOST_TRIPS: u32 = 60_000;

/// A score that is larger than any, and the norm of a centroid that is none.
pub(super) const NOTHING: f32 = f32::MAX;

/// What `kernels::KERNELS` lists.
pub(super) const KERNEL: Kernel = Kernel {
    name: "top2",
    sources: &[include_str!("../../../shaders/top2.wgsl")],
    entries: &[Entry { name: "lane", workgroup: LANE_GROUP }, Entry { name: "team", workgroup: TEAM_GROUP }],
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

/// As in the shader.
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

/// What the kernel leaves for a row. As in the shader.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Best {
    /// Ascending; [`NOTHING`] where there are fewer centroids.
    pub(super) scores: [f32; 4],
    /// Places of the centroids among those searched.
    pub(super) places: [u32; 4],
    /// No centroid beside the four has a lower score.
    pub(super) floor: f32,
    pub(super) stamp: u32,
    padding: [u32; 2],
}

/// What one dispatch searches.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pass {
    pub(super) rows: u32,
    pub(super) octets: u32,
    /// Centroids of the block.
    pub(super) begin: u32,
    pub(super) end: u32,
    /// Place of the block's first centroid among those searched.
    pub(super) first_place: u32,
    /// Whether this is the first dispatch of a search.
    pub(super) fresh: bool,
    /// What this dispatch leaves as stamp: one more than the dispatch before it.
    pub(super) stamp: u32,
}

/// The most centroids that one dispatch may do with rows of `octets` octets: a multiple of what it does at a time. `None`
/// where rows are too wide for even that.
pub(super) fn most_centroids(entry: usize, octets: u32) -> Option<u32> {
    let (at_a_time, trips, merged) = match entry {
        0 => (LANE_CENTROIDS, octets.saturating_mul(2).saturating_add(2), 0),
        // two sides of each octet; at the end, four merges of sixteen shares
        _ => (TEAM_CENTROIDS, octets.saturating_mul(4).saturating_add(2), 4 * 17),
    };
    let times = (MOST_TRIPS - merged) / trips;
    (times > 0).then(|| times * at_a_time)
}

/// Records one dispatch of the entry point number `entry` (0: `lane`, 1: `team`).
pub(super) fn record(
    recorder: &mut Recorder<'_>,
    (pipeline, bindings): (&Pipeline, &wgpu::BindGroup),
    entry: usize,
    pass: Pass,
) -> Result<()> {
    let rows_per_group = if entry == 0 { LANE_ROWS } else { TEAM_ROWS };
    recorder.dispatch(pipeline, bindings, pass.rows.div_ceil(rows_per_group), |grid| Params {
        rows: pass.rows,
        stride: pass.octets,
        begin: pass.begin,
        end: pass.end,
        first_place: pass.first_place,
        fresh: u32::from(pass.fresh),
        stamp: pass.stamp,
        groups_x: grid.groups_x,
        first_group: grid.first_group,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_dispatch_reaches_the_iterations_that_mesa_allows() {
        for octets in [1, 4, 96, 1000, 14_000] {
            for (entry, at_a_time, per_octet) in [(0, LANE_CENTROIDS, 2), (1, TEAM_CENTROIDS, 4)] {
                let Some(most) = most_centroids(entry, octets) else { continue };
                let trips = most / at_a_time * (octets * per_octet + 2);
                assert!(most >= at_a_time && trips < 65_000, "{entry} {octets}: {trips}");
            }
        }
        assert!(most_centroids(0, 29_000).is_some() && most_centroids(0, 30_001).is_none());
        assert!(most_centroids(1, u32::MAX).is_none());
    }
}
