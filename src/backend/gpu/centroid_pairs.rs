//! Nearest and worst neighbours among centroids; `shaders/centroid_pairs.wgsl`.

use bytemuck::{Pod, Zeroable};

use super::kernels::{Binding, DISTANCE, Entry, Kernel, Overrides, Pipeline};
use super::submit::{Recorder, defect};
use crate::base::error::Result;

const GROUP: u32 = 64;
/// Rows of a workgroup, and the columns that it does at a time.
pub(super) const TILE: u32 = 32;
/// Tiles of columns in a strip, as far as one invocation may do as many.
const STRIP_TILES: u32 = 8;

/// Iterations of all its loops that one invocation may do: Mesa's lavapipe silently stops it after 65,535.
pub(super) const MOST_TRIPS: u32 = 58_000;

/// Rows and columns are float32, or both are pairs of them.
const VARIANTS: &[Overrides] =
    &[&[("POINT_BITS", 32.0), ("CENTROID_REST", 0.0)], &[("POINT_BITS", 64.0), ("CENTROID_REST", 1.0)]];

/// What `kernels::KERNELS` lists. Variant 1 is for float64.
pub(super) const KERNEL: Kernel = Kernel {
    name: "centroid_pairs",
    sources: &[DISTANCE, include_str!("../../../shaders/centroid_pairs.wgsl")],
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

/// As in the shader.
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
    /// 0, which the shader's compiler must not know.
    zero: u32,
}

/// What the kernel leaves for a row and a strip of columns. As in the shader.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Found {
    pub(super) nearest: f32,
    pub(super) nearest_at: u32,
    pub(super) second: f32,
    pub(super) ratio: f32,
    pub(super) ratio_at: u32,
    pub(super) stamp: u32,
}

/// The block of pairs that one dispatch does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pairs {
    pub(super) rows: u32,
    pub(super) columns: u32,
    /// Places of the first row and column among all centroids, and where the columns begin on the device.
    pub(super) first_row: u32,
    pub(super) first_column: u32,
    pub(super) column_at: u32,
    pub(super) octets: u32,
    pub(super) strip: u32,
    pub(super) stamp: u32,
}

/// Iterations for four by four pairs of rows of `octets` octets.
pub(super) fn trips(octets: u32) -> u32 {
    octets.saturating_add(octets / 8).saturating_add(4)
}

/// Columns of a strip; `None` where rows are too wide for one invocation.
pub(super) fn strip(octets: u32) -> Option<u32> {
    let tiles = (MOST_TRIPS / trips(octets)).min(STRIP_TILES);
    (tiles > 0).then_some(tiles * TILE)
}

/// Records one block.
pub(super) fn record(
    recorder: &mut Recorder<'_>,
    (pipeline, bindings): (&Pipeline, &wgpu::BindGroup),
    pairs: Pairs,
) -> Result<()> {
    let strips = pairs.columns.div_ceil(pairs.strip);
    let groups = pairs.rows.div_ceil(TILE).checked_mul(strips);
    let groups = groups.ok_or_else(|| defect("a block of pairs has more than 2^32 workgroups"))?;
    recorder.dispatch(pipeline, bindings, groups, |grid| Params {
        rows: pairs.rows,
        columns: pairs.columns,
        stride: pairs.octets,
        strip: pairs.strip,
        strips,
        first_row: pairs.first_row,
        first_column: pairs.first_column,
        column_at: pairs.column_at,
        stamp: pairs.stamp,
        groups_x: grid.groups_x,
        first_group: grid.first_group,
        zero: 0,
    })
}
