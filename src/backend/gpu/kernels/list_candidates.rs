//! Turns each row's candidates into entries for `own_distance`; `shaders/list_candidates.wgsl`.

use bytemuck::{Pod, Zeroable};

use super::search::CANDIDATES;
use crate::backend::gpu::engine::kernel::{Binding, Entry, Kernel};
use crate::backend::gpu::engine::pipeline::Bound;
use crate::backend::gpu::engine::submit::Recorder;
use crate::base::error::Result;

const GROUP: u32 = 64;

/// The kernel's description.
pub(crate) const KERNEL: Kernel = Kernel {
    name: "list_candidates",
    sources: &[CANDIDATES, include_str!("../../../../shaders/list_candidates.wgsl")],
    entries: &[Entry { name: "list_candidates", workgroup: GROUP }],
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
    listed: u32,
    groups_x: u32,
    first_group: u32,
}

/// A searched centroid; the layout is that of `Place` in the shader.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Place {
    /// Its position among the level's centroids.
    pub(crate) cluster: u32,
    /// Norm of the centred centroid, rounded up.
    pub(crate) length: f32,
}

/// Records the listing of the candidates of `rows` rows among `places` searched centroids. `listed` says whether a list maps
/// rows of the tile to rows of the points.
pub(crate) fn record(
    recorder: &mut Recorder<'_>,
    (pipeline, bindings): &Bound,
    (rows, places): (u32, u32),
    listed: bool,
) -> Result<()> {
    recorder.dispatch(pipeline, bindings, rows.div_ceil(GROUP), |grid| Params {
        rows,
        places,
        listed: u32::from(listed),
        groups_x: grid.groups_x,
        first_group: grid.first_group,
    })
}
