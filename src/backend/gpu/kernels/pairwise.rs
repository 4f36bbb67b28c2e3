//! Blocks of the distance matrix; `shaders/pairwise.wgsl`.

use bytemuck::{Pod, Zeroable};

use crate::backend::gpu::engine::fault::defect;
use crate::backend::gpu::engine::kernel::{Binding, DISTANCE, DISTANCE_VARIANTS, Entry, Kernel, POINTS};
use crate::backend::gpu::engine::pace::PACE_COLUMNS;
use crate::backend::gpu::engine::pipeline::Bound;
use crate::backend::gpu::engine::submit::Recorder;
use crate::backend::gpu::engine::units::MAX_OCTETS;
use crate::base::error::Result;

const GROUP: u32 = 64;
/// Rows and columns of a workgroup.
const TILE_ROWS: u32 = 32;
const TILE_COLUMNS: u32 = PACE_COLUMNS;

/// The kernel's description.
pub(crate) const KERNEL: Kernel = Kernel {
    name: "pairwise",
    sources: &[POINTS, DISTANCE, include_str!("../../../../shaders/pairwise.wgsl")],
    entries: &[Entry { name: "pairwise", workgroup: GROUP }],
    bindings: &[
        Binding::Read,
        Binding::Read,
        Binding::Read,
        Binding::Write,
        Binding::Params(size_of::<Params>() as u64),
    ],
    variants: DISTANCE_VARIANTS,
    constants: &[("TILE_ROWS", TILE_ROWS as f64), ("TILE_COLUMNS", TILE_COLUMNS as f64)],
};

/// Parameter block; the layout is that of `Params` in the shader.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Params {
    rows: u32,
    count: u32,
    first_centroid: u32,
    stride: u32,
    begin: u32,
    end: u32,
    accumulate: u32,
    finish: u32,
    stamp: u32,
    groups_x: u32,
    first_group: u32,
    /// Always 0; the shader compiler must not know that.
    zero: u32,
}

/// A block of the distance matrix: the work of one submission.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MatrixBlock {
    pub(crate) rows: u32,
    /// Columns of the block.
    pub(crate) count: u32,
    /// Position of the first centroid among those on the device.
    pub(crate) first_centroid: u32,
    pub(crate) octets: u32,
    pub(crate) stamp: u32,
}

/// Records one block.
pub(crate) fn record(recorder: &mut Recorder<'_>, (pipeline, bindings): &Bound, block: MatrixBlock) -> Result<()> {
    let groups = block.rows.div_ceil(TILE_ROWS).checked_mul(block.count.div_ceil(TILE_COLUMNS));
    let groups = groups.ok_or_else(|| defect("a block of distances needs more than 2^32 workgroups"))?;
    let mut begin = 0;
    while begin < block.octets {
        let end = block.octets.min(begin + MAX_OCTETS);
        recorder.dispatch(pipeline, bindings, groups, |grid| Params {
            rows: block.rows,
            count: block.count,
            first_centroid: block.first_centroid,
            stride: block.octets,
            begin,
            end,
            accumulate: u32::from(begin > 0),
            finish: u32::from(end == block.octets),
            stamp: block.stamp,
            groups_x: grid.groups_x,
            first_group: grid.first_group,
            zero: 0,
        })?;
        begin = end;
    }
    Ok(())
}
