//! The shapes of searches in float32, bound to rows and centroids.

use super::resident::ResidentCentroids;
use super::searched::SearchedLevel;
use crate::backend::gpu::engine::buffers::CentroidBlock;
use crate::backend::gpu::engine::lane::LaneState;
use crate::backend::gpu::engine::options::KernelShape;
use crate::backend::gpu::engine::pipeline::{Bound, Pipeline};
use crate::backend::gpu::engine::search_shapes::SearchWork;
use crate::backend::gpu::engine::tuning::ShapeClass;
use crate::backend::gpu::engine::units::{OCTET, wide};
use crate::backend::gpu::kernels::search::Shape;
use crate::backend::gpu::kernels::{top2, top2_tile};
use crate::base::error::Result;
use crate::base::numeric::as_real;

/// The shape of searches in float32.
pub(crate) fn shape(shape: KernelShape) -> &'static Shape {
    match shape {
        KernelShape::Auto | KernelShape::PerInvocation => &top2::PER_INVOCATION,
        KernelShape::WorkgroupTile => &top2::WORKGROUP_TILE,
        KernelShape::RegisterTile | KernelShape::Cooperative => &top2_tile::ROWS_128,
        KernelShape::SmallRegisterTile => &top2_tile::ROWS_64,
    }
}

/// The search of the lane's tile among a level's centroids, as an amount of work.
pub(crate) fn work(lane: &LaneState<'_>, searched: &SearchedLevel) -> SearchWork {
    let clusters = wide(searched.clusters.len());
    let class = ShapeClass {
        octets: lane.plan.octets,
        clusters: clusters.checked_next_power_of_two().unwrap_or(clusters),
        dtype: lane.job.dtype,
    };
    let row = 2.0 * as_real(clusters) * as_real(u64::from(lane.plan.octets) * wide(OCTET));
    SearchWork { class, operations: row * as_real(wide(lane.tile.rows())), planned: row * as_real(lane.job.rows) }
}

/// One shape of the kernel, bound to each level's blocks of centroids.
pub(crate) struct BoundShape {
    pub(crate) of: KernelShape,
    pub(crate) shape: &'static Shape,
    /// Per level: one per resident block, or the lane's own block if the level is streamed.
    pub(crate) blocks: Vec<Vec<Bound>>,
}

impl BoundShape {
    /// `None` if the job searches nothing.
    pub(crate) fn new(
        lane: &LaneState<'_>,
        resident: &ResidentCentroids,
        of: KernelShape,
    ) -> Result<Option<BoundShape>> {
        let LaneState { gpu, plan, buffers, .. } = lane;
        let (Some(search), Some(centred)) = (&buffers.search, &buffers.centred) else { return Ok(None) };
        let shape = shape(of);
        let pipeline = gpu.pipeline(shape.kernel, shape.entry, 0)?;
        let bind = |block: &CentroidBlock| bind(lane, (shape, &pipeline), (centred, &search.best), block);
        let blocks = resident.searched.iter().zip(&plan.search_resident).map(|(searched, &stays)| match searched {
            Some(searched) if stays => searched.blocks.iter().map(bind).collect(),
            Some(_) => search.stream.iter().map(|stream| bind(&stream.block)).collect(),
            None => Vec::new(),
        });
        Ok(Some(BoundShape { of, shape, blocks: blocks.collect() }))
    }
}

/// Binds a shape's kernel to rows, a block of centroids, and the rows' candidates.
pub(crate) fn bind(
    lane: &LaneState<'_>,
    (shape, pipeline): (&Shape, &Pipeline),
    (rows, best): (&wgpu::Buffer, &wgpu::Buffer),
    block: &CentroidBlock,
) -> Bound {
    let storage: [&wgpu::Buffer; 4] = [rows, &block.centroids, &block.norms, best];
    let bindings = pipeline.bind(&lane.gpu.device, shape.kernel, &storage, &lane.buffers.uniforms);
    (pipeline.clone(), bindings)
}
