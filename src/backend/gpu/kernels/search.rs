//! What the kernels of the top-2 search share: parameters, results, shapes and dispatch; `shaders/shared/search.wgsl`
//! and `shaders/shared/candidates.wgsl`.

use bytemuck::{Pod, Zeroable};

use crate::backend::gpu::engine::kernel::{Binding, Kernel};
use crate::backend::gpu::engine::pipeline::Bound;
use crate::backend::gpu::engine::submit::Recorder;
use crate::backend::gpu::engine::units::MAX_LOOP_ITERATIONS;
use crate::base::error::Result;

/// WGSL that declares a row's candidates. Kernels that offer centroids to them start with it.
pub(crate) const CANDIDATES: &str = include_str!("../../../../shaders/shared/candidates.wgsl");

/// WGSL that follows [`CANDIDATES`] in the kernels of the top-2 search.
pub(crate) const SEARCH: &str = include_str!("../../../../shaders/shared/search.wgsl");

/// Bindings of these kernels.
pub(crate) const BINDINGS: &[Binding] =
    &[Binding::Read, Binding::Read, Binding::Read, Binding::Write, Binding::Params(size_of::<Params>() as u64)];

/// Larger than any score. Also the norm of padding, which is then never a candidate.
pub(crate) const NOTHING: f32 = f32::MAX;

/// One way to divide a search among invocations: an entry point and how much of the work it takes at a time.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) kernel: &'static Kernel,
    /// Index among the kernel's entry points.
    pub(crate) entry: usize,
    /// Rows per workgroup.
    pub(crate) rows: u32,
    /// Centroids that are processed at a time.
    pub(crate) centroids: u32,
    /// Loop iterations of an invocation, over all its loops, for that many centroids. The argument is the octets of a row.
    pub(crate) iterations: fn(u32) -> u32,
    /// Loop iterations after all centroids.
    pub(crate) last_iterations: u32,
    /// Most centroids of a dispatch whose places an invocation can represent.
    pub(crate) most: u32,
}

impl Shape {
    /// Most centroids per dispatch for rows of `octets` octets, a multiple of what is processed at a time. `None` if rows are
    /// too wide for any.
    pub(crate) fn most_centroids(&self, octets: u32) -> Option<u32> {
        let times = (MAX_LOOP_ITERATIONS - self.last_iterations) / (self.iterations)(octets);
        (times > 0).then(|| times.saturating_mul(self.centroids).min(self.most))
    }
}

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
    unscale: f32,
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

impl RowCandidates {
    pub(super) fn new(scores: [f32; 4], places: [u32; 4], floor: f32, stamp: u32) -> RowCandidates {
        RowCandidates { scores, places, floor, stamp, padding: [0; 2] }
    }

    /// Whether no other centroid can have one of the lowest two scores, if the floor is a bound.
    pub(crate) fn decides(&self) -> bool {
        self.floor > self.scores[1]
    }
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
    /// Factor that undoes the scaling of rows and centroids in a sum of products; 1 in float32.
    pub(crate) unscale: f32,
}

/// Records one dispatch in the given shape.
pub(crate) fn record(
    recorder: &mut Recorder<'_>,
    (pipeline, bindings): &Bound,
    shape: &Shape,
    work: SearchDispatch,
) -> Result<()> {
    recorder.dispatch(pipeline, bindings, work.rows.div_ceil(shape.rows), |grid| Params {
        rows: work.rows,
        stride: work.octets,
        begin: work.begin,
        end: work.end,
        first_place: work.first_place,
        fresh: u32::from(work.fresh),
        stamp: work.stamp,
        groups_x: grid.groups_x,
        first_group: grid.first_group,
        unscale: work.unscale,
    })
}
