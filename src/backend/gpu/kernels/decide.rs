//! Decides which two of a row's measured candidates are nearest; `shaders/decide.wgsl`.

use bytemuck::{Pod, Zeroable};

use super::search::{CANDIDATES, RowCandidates};
use crate::backend::gpu::engine::kernel::{Binding, Entry, Kernel};
use crate::backend::gpu::engine::pipeline::Bound;
use crate::backend::gpu::engine::plan::NEAREST_HEADER_BYTES;
use crate::backend::gpu::engine::submit::Recorder;
use crate::base::error::Result;

const GROUP: u32 = 64;

/// Stands in the first cluster of a row that the device did not decide.
pub(crate) const UNDECIDED: u32 = u32::MAX - 1;

/// The kernel's description.
pub(crate) const KERNEL: Kernel = Kernel {
    name: "decide",
    sources: &[CANDIDATES, include_str!("../../../../shaders/decide.wgsl")],
    entries: &[Entry { name: "decide", workgroup: GROUP }],
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
    places: u32,
    searched_stamp: u32,
    stamp: u32,
    dim: f32,
    centre: f32,
    longest: f32,
    largest: f32,
    direct: f32,
    tiny: f32,
    share: f32,
    groups_x: u32,
    first_group: u32,
}

/// Result for one row; the layout is that of `Nearest` in the shader.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Nearest {
    pub(crate) clusters: [u32; 2],
    pub(crate) squared: [f32; 2],
}

/// Most undecided rows in the results, apart from the rows' own results.
pub(crate) const MOST_UNDECIDED: usize = 256;

/// What precedes the list of undecided rows, and then the rows' results; the layout is that of `StampedNearest` in the shader.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Header {
    pub(crate) stamp: u32,
    /// Number of undecided rows, which may be more than the list holds. Must be 0 before the dispatch.
    pub(crate) undecided: u32,
    padding: [u32; 2],
}

/// Bytes of the header, and of the list.
pub(crate) const HEADER_BYTES: u64 = size_of::<Header>() as u64;
pub(crate) const LIST_BYTES: u64 = (MOST_UNDECIDED * size_of::<Undecided>()) as u64;

const _: () = assert!(HEADER_BYTES + LIST_BYTES == NEAREST_HEADER_BYTES, "the buffers have room for both");

/// A row that the host decides, with its candidates and their squared distances; the layout is that of the shader.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Undecided {
    scores: [f32; 4],
    places: [u32; 4],
    pub(crate) squared: [f32; 4],
    floor: f32,
    stamp: u32,
    pub(crate) row: u32,
    padding: u32,
}

impl Undecided {
    pub(crate) fn candidates(&self) -> RowCandidates {
        RowCandidates::new(self.scores, self.places, self.floor, self.stamp)
    }
}

/// What the decisions about one level depend on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Proof {
    /// Number of searched centroids.
    pub(crate) places: u32,
    /// Columns.
    pub(crate) dim: f32,
    /// Norm of the centre, rounded up.
    pub(crate) centre: f32,
    /// Largest norm of a centred centroid, rounded up.
    pub(crate) longest: f32,
    /// Largest magnitude of the centre's values, rounded up.
    pub(crate) largest: f32,
    /// Relative difference above which the order of two measured squared distances is certain.
    pub(crate) direct: f32,
    /// The host measures squared distances below this.
    pub(crate) tiny: f32,
    /// The host measures squared distances below this share of the row's largest squared value.
    pub(crate) share: f32,
}

/// Records the decisions about `rows` rows in `nearest`, which is bound to the kernel. `searched_stamp` is that of the
/// candidates, `stamp` that of the results.
pub(crate) fn record(
    recorder: &mut Recorder<'_>,
    ((pipeline, bindings), nearest): (&Bound, &wgpu::Buffer),
    rows: u32,
    proof: Proof,
    (searched_stamp, stamp): (u32, u32),
) -> Result<()> {
    recorder.clear(nearest, std::mem::offset_of!(Header, undecided) as u64, 4);
    recorder.dispatch(pipeline, bindings, rows.div_ceil(GROUP), |grid| Params {
        rows,
        places: proof.places,
        searched_stamp,
        stamp,
        dim: proof.dim,
        centre: proof.centre,
        longest: proof.longest,
        largest: proof.largest,
        direct: proof.direct,
        tiny: proof.tiny,
        share: proof.share,
        groups_x: grid.groups_x,
        first_group: grid.first_group,
    })
}
