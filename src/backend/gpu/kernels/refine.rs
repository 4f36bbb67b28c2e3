//! Computes the candidates' scores again in float32 after a search in float16; `shaders/refine.wgsl`.

use bytemuck::{Pod, Zeroable};

use super::search::CANDIDATES;
use crate::backend::gpu::engine::kernel::{Binding, Entry, Kernel};
use crate::backend::gpu::engine::pipeline::Bound;
use crate::backend::gpu::engine::submit::Recorder;
use crate::base::error::Result;

const GROUP: u32 = 64;

/// The kernel's description.
pub(crate) const KERNEL: Kernel = Kernel {
    name: "refine",
    sources: &[CANDIDATES, include_str!("../../../../shaders/refine.wgsl")],
    entries: &[Entry { name: "refine", workgroup: GROUP }],
    bindings: &[
        Binding::Read,
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
    half_stride: u32,
    first_place: u32,
    places: u32,
    last: u32,
    groups_x: u32,
    first_group: u32,
    scale: f32,
    longest: f32,
    rounding: f32,
    flushed: f32,
    adding: f32,
    offset: f32,
}

/// Rows per workgroup.
const ROWS: u32 = 4;

/// What the largest error of a score in float16 depends on, besides the row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HalfError {
    /// Factor of rows in float16.
    pub(crate) scale: f32,
    /// Largest norm of a centroid.
    pub(crate) longest: f32,
    /// Largest norm of the change of a centroid by rounding to float16.
    pub(crate) rounding: f32,
    /// The part of that change which doesn't shrink with the centroid: values replaced by 0.
    pub(crate) flushed: f32,
    /// Largest error from adding up products, relative to `|x| |c|`.
    pub(crate) adding: f32,
    /// Largest error of a norm from centring.
    pub(crate) offset: f32,
}

/// Records the computation, for `rows` rows, of the scores of the candidates in one block of centroids. `places` are the
/// position of the block's first centroid and the number of centroids. After the `last` block, the candidates are sorted.
pub(crate) fn record(
    recorder: &mut Recorder<'_>,
    (pipeline, bindings): &Bound,
    (rows, stride, half_stride): (u32, u32, u32),
    places: (u32, u32),
    last: bool,
    error: HalfError,
) -> Result<()> {
    recorder.dispatch(pipeline, bindings, rows.div_ceil(ROWS), |grid| Params {
        rows,
        stride,
        half_stride,
        first_place: places.0,
        places: places.1,
        last: u32::from(last),
        groups_x: grid.groups_x,
        first_group: grid.first_group,
        scale: error.scale,
        longest: error.longest,
        rounding: error.rounding,
        flushed: error.flushed,
        adding: error.adding,
        offset: error.offset,
    })
}
