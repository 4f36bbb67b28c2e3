//! Nearest and worst neighbours among centroids; `shaders/centroid_pairs.wgsl`.

use bytemuck::{Pod, Zeroable};

use crate::backend::gpu::engine::fault::defect;
use crate::backend::gpu::engine::kernel::{Binding, DISTANCE, Entry, Kernel, Overrides, POINTS};
use crate::backend::gpu::engine::pipeline::Bound;
use crate::backend::gpu::engine::submit::Recorder;
use crate::backend::gpu::engine::units::MAX_LOOP_ITERATIONS;
use crate::base::error::Result;

const GROUP: u32 = 64;
/// Rows of a workgroup, and columns that it processes at a time.
pub(crate) const TILE: u32 = 32;
/// Most tiles of columns in a strip.
const STRIP_TILES: u32 = 8;

/// Rows and columns are float32, or both are hi/lo parts of float64.
const VARIANTS: &[Overrides] =
    &[&[("POINT_BITS", 32.0), ("CENTROID_LO", 0.0)], &[("POINT_BITS", 64.0), ("CENTROID_LO", 1.0)]];

/// The kernel's description. Variant 1 is for float64.
pub(crate) const KERNEL: Kernel = Kernel {
    name: "centroid_pairs",
    sources: &[POINTS, DISTANCE, include_str!("../../../../shaders/centroid_pairs.wgsl")],
    entries: &[Entry { name: "centroid_pairs", workgroup: GROUP }],
    bindings: &[
        Binding::Read,
        Binding::Read,
        Binding::Read,
        Binding::Read,
        Binding::Write,
        Binding::Params(size_of::<Params>() as u64),
    ],
    variants: VARIANTS,
    constants: &[],
};

/// Parameter block; the layout is that of `Params` in the shader.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Params {
    rows: u32,
    columns: u32,
    stride: u32,
    strip: u32,
    strips: u32,
    first_row: u32,
    first_column: u32,
    column_at: u32,
    stamp: u32,
    groups_x: u32,
    first_group: u32,
    /// Always 0; the shader compiler must not know that.
    zero: u32,
}

/// Result for one row and one strip of columns; the layout is that of `Found` in the shader.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct StripNeighbours {
    pub(crate) nearest: f32,
    pub(crate) nearest_at: u32,
    pub(crate) second: f32,
    pub(crate) ratio: f32,
    pub(crate) ratio_at: u32,
    pub(crate) stamp: u32,
}

/// A block of pairs: the work of one dispatch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PairBlock {
    pub(crate) rows: u32,
    pub(crate) columns: u32,
    /// Positions of the first row and column among all compared centroids, and of the columns on the device.
    pub(crate) first_row: u32,
    pub(crate) first_column: u32,
    pub(crate) column_at: u32,
    pub(crate) octets: u32,
    pub(crate) strip: u32,
    pub(crate) stamp: u32,
}

/// Loop iterations of one invocation for its four by four pairs of rows of `octets` octets.
pub(crate) fn iterations(octets: u32) -> u32 {
    octets.saturating_add(octets / 8).saturating_add(4)
}

/// Columns of a strip; `None` if rows are too wide for one invocation.
pub(crate) fn strip(octets: u32) -> Option<u32> {
    let tiles = (MAX_LOOP_ITERATIONS / iterations(octets)).min(STRIP_TILES);
    (tiles > 0).then_some(tiles * TILE)
}

/// Records one block.
pub(crate) fn record(recorder: &mut Recorder<'_>, (pipeline, bindings): &Bound, block: PairBlock) -> Result<()> {
    let strips = block.columns.div_ceil(block.strip);
    let groups = block.rows.div_ceil(TILE).checked_mul(strips);
    let groups = groups.ok_or_else(|| defect("a block of pairs needs more than 2^32 workgroups"))?;
    recorder.dispatch(pipeline, bindings, groups, |grid| Params {
        rows: block.rows,
        columns: block.columns,
        stride: block.octets,
        strip: block.strip,
        strips,
        first_row: block.first_row,
        first_column: block.first_column,
        column_at: block.column_at,
        stamp: block.stamp,
        groups_x: grid.groups_x,
        first_group: grid.first_group,
        zero: 0,
    })
}
