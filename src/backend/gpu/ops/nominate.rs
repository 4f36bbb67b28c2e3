//! Nominates candidates of a tile's rows for a top-2 search: the four centroids with the lowest scores of each row.

use std::sync::Arc;

use super::centring::Centring;
use super::rescore::ScoreError;
use super::resident::ResidentCentroids;
use super::searched::{CentredCentroids, SearchedLevel};
use crate::backend::gpu::engine::fault::{defect, not_computed};
use crate::backend::gpu::engine::lane::LaneState;
use crate::backend::gpu::engine::memory::{cast, read};
use crate::backend::gpu::engine::options::KernelShape;
use crate::backend::gpu::engine::pace::Pace;
use crate::backend::gpu::engine::pipeline::Bound;
use crate::backend::gpu::engine::plan::BEST_BYTES;
use crate::backend::gpu::engine::search_shapes::SearchWork;
use crate::backend::gpu::engine::submit::Recorder;
use crate::backend::gpu::engine::tuning::ShapeClass;
use crate::backend::gpu::engine::units::{OCTET, narrow, wide};
use crate::backend::gpu::kernels::search::{self, RowCandidates, SearchDispatch, Shape};
use crate::backend::gpu::kernels::{top2, top2_tile};
use crate::base::error::Result;
use crate::base::numeric::{as_real, to_usize};

/// Work behind the last dispatch of a search, in the same submission.
pub(crate) trait After {
    /// Records the work, given the stamp of the search's results. It copies its results behind the first row's candidates in
    /// the read-back buffer, and returns their bytes.
    fn record(&mut self, lane: &mut LaneState<'_>, recorder: &mut Recorder<'_>, stamp: u32) -> Result<u64>;

    /// Takes these results.
    fn read(&mut self, bytes: &[u8]) -> Result<()>;
}

/// What follows a dispatch.
enum End<'a> {
    /// Another dispatch.
    Goes,
    /// The candidates of all rows are read.
    Rows,
    /// This work, whose results are read.
    Then(&'a mut dyn After),
}

/// The float32 shapes, each of which can search any job.
pub(crate) const SHAPES: [KernelShape; 4] =
    [KernelShape::PerInvocation, KernelShape::WorkgroupTile, KernelShape::RegisterTile, KernelShape::SmallRegisterTile];

fn shape(shape: KernelShape) -> &'static Shape {
    match shape {
        KernelShape::Auto | KernelShape::PerInvocation => &top2::PER_INVOCATION,
        KernelShape::WorkgroupTile => &top2::WORKGROUP_TILE,
        KernelShape::RegisterTile => &top2_tile::ROWS_128,
        KernelShape::SmallRegisterTile => &top2_tile::ROWS_64,
    }
}

/// The search of the lane's tile among a level's centroids, as an amount of work.
fn work(lane: &LaneState<'_>, searched: &SearchedLevel) -> SearchWork {
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
struct BoundShape {
    of: KernelShape,
    shape: &'static Shape,
    /// Per level: one per resident block, or the lane's own block if the level is streamed.
    blocks: Vec<Vec<Bound>>,
}

impl BoundShape {
    /// `None` if the job searches nothing.
    fn new(lane: &LaneState<'_>, resident: &ResidentCentroids, of: KernelShape) -> Result<Option<BoundShape>> {
        let LaneState { gpu, plan, buffers, .. } = lane;
        let (Some(search), Some(centred)) = (&buffers.search, &buffers.centred) else { return Ok(None) };
        let shape = shape(of);
        let pipeline = gpu.pipeline(shape.kernel, shape.entry, 0)?;
        let bind = |centroids: &wgpu::Buffer, norms: &wgpu::Buffer| {
            let storage = [centred, centroids, norms, &search.best];
            let bindings = pipeline.bind(&gpu.device, shape.kernel, &storage, &buffers.uniforms);
            (pipeline.clone(), bindings)
        };
        let blocks = resident.searched.iter().zip(&plan.search_resident).map(|(searched, &stays)| match searched {
            Some(searched) if stays => {
                searched.blocks.iter().map(|block| bind(&block.centroids, &block.norms)).collect()
            }
            Some(_) => search.stream.iter().map(|stream| bind(&stream.block.centroids, &stream.block.norms)).collect(),
            None => Vec::new(),
        });
        Ok(Some(BoundShape { of, shape, blocks: blocks.collect() }))
    }
}

/// The kernel in the shapes that were used so far.
pub(crate) struct Nominator {
    resident: Arc<ResidentCentroids>,
    /// The one in use first.
    bound: Vec<BoundShape>,
    pace: Pace,
    /// Whether the last search left the pace as it was.
    steady: bool,
    found: Vec<RowCandidates>,
    packed: CentredCentroids,
}

impl Nominator {
    /// `None` if the job searches nothing.
    pub(crate) fn new(lane: &LaneState<'_>, resident: &Arc<ResidentCentroids>) -> Result<Option<Nominator>> {
        let Some(bound) = BoundShape::new(lane, resident, lane.gpu.options.kernel_shape)? else { return Ok(None) };
        let (found, packed) = (Vec::new(), CentredCentroids::default());
        let (resident, bound) = (resident.clone(), vec![bound]);
        Ok(Some(Nominator { resident, bound, pace: Pace::new(), steady: false, found, packed }))
    }

    /// Searches in this shape from now on.
    fn take_shape(&mut self, lane: &LaneState<'_>, of: KernelShape) -> Result<()> {
        match self.bound.iter().position(|bound| bound.of == of) {
            Some(place) => self.bound.swap(0, place),
            None => {
                let bound = BoundShape::new(lane, &self.resident, of)?;
                self.bound.insert(0, bound.ok_or_else(|| defect("a search has no buffers"))?);
            }
        }
        Ok(())
    }

    /// The candidates of every row of the tile, by row. Empty if the device can't search the level, or if none of `rows`, the
    /// rows that the caller asks for, is computable. With `after`, only the first row's candidates are read. Rows that are not computable have arbitrary candidates.
    pub(crate) fn nominate(
        &mut self,
        lane: &mut LaneState<'_>,
        centring: &mut Centring,
        level: usize,
        searched: &SearchedLevel,
        mut rows: impl Iterator<Item = usize>,
        after: Option<&mut dyn After>,
    ) -> Result<&[RowCandidates]> {
        let on_device = !searched.clusters.is_empty()
            && ScoreError::holds(lane.job.dim)
            && rows.any(|row| centring.computable(lane, row));
        if !on_device {
            return Ok(&[]);
        }
        let (gpu, octets) = (lane.gpu, lane.plan.octets);
        let fits = |of| shape(of).most_centroids(octets).is_some();
        let mut turn = gpu.shapes.turn(work(lane, searched), self.steady, fits);
        self.take_shape(lane, turn.shape())?;
        if self.device_columns(lane, level) == 0 {
            return Ok(&[]);
        }
        let pace = self.pace;
        turn.start();
        self.score(lane, centring, level, searched, after)?;
        self.steady = self.pace == pace;
        turn.end(self.steady);
        Ok(&self.found)
    }

    /// Most centroids per dispatch; 0 if rows are too wide for the kernel.
    fn device_columns(&self, lane: &LaneState<'_>, level: usize) -> u32 {
        let now = &self.bound[0];
        let bound = !now.blocks[level].is_empty() && lane.plan.search_block > 0;
        if bound { now.shape.most_centroids(lane.plan.octets).unwrap_or(0) } else { 0 }
    }

    /// Runs the kernel over all blocks of a level, then `after`, and reads the results.
    fn score(
        &mut self,
        lane: &mut LaneState<'_>,
        centring: &mut Centring,
        level: usize,
        searched: &SearchedLevel,
        mut after: Option<&mut dyn After>,
    ) -> Result<()> {
        let (places, block) = (searched.clusters.len(), lane.plan.search_block);
        for (number, first) in (0..places).step_by(block).enumerate() {
            let end = places.min(first + block);
            let streamed = searched.blocks.is_empty();
            if streamed {
                self.stage_block(lane, level, &searched.clusters[first..end])?;
            }
            let mut begin = 0;
            while first + begin < end {
                let left = end - first - begin;
                let fits = (self.device_columns(lane, level) as usize).min(left);
                let paced = self.columns_now(lane, fits);
                let work = SearchDispatch {
                    rows: narrow(lane.tile.rows())?,
                    octets: lane.plan.octets,
                    begin: narrow(begin)?,
                    end: narrow(begin + paced)?,
                    first_place: narrow(first)?,
                    fresh: first + begin == 0,
                    // Each dispatch counts the stamps up by one, as the kernel does.
                    stamp: lane.next_stamp(),
                    unscale: 1.0,
                };
                let last = first + begin + paced == places;
                let load = begin == 0 && streamed;
                let end = match (last, after.as_deref_mut()) {
                    (true, Some(after)) => End::Then(after),
                    (true, None) => End::Rows,
                    (false, _) => End::Goes,
                };
                self.submit(lane, centring, (level, number, load), work, end)?;
                begin += paced;
            }
        }
        Ok(())
    }

    /// Centroids of the next submission: at most `fits`, and no more than the device searches in a fraction of a second.
    fn columns_now(&self, lane: &LaneState<'_>, fits: usize) -> usize {
        let rows = u32::try_from(lane.tile.rows()).unwrap_or(u32::MAX);
        let paced = to_usize(self.pace.columns(rows, lane.plan.octets));
        // A multiple of what any shape processes at a time, so that only the last dispatch of a block is ragged.
        if paced >= fits { fits } else { (paced / 128 * 128).max(128).min(fits) }
    }

    /// Packs the next block of a level that doesn't stay on the device.
    fn stage_block(&mut self, lane: &mut LaneState<'_>, level: usize, clusters: &[u32]) -> Result<()> {
        let stream = lane.buffers.search.as_mut().and_then(|search| search.stream.as_mut());
        let Some(stream) = stream else {
            return Err(defect("a searched level's centroids are nowhere on the device"));
        };
        self.packed.fill(&lane.job.levels[level], &lane.job.centre, clusters, lane.plan.octets);
        let rows: &[u8] = bytemuck::cast_slice(&self.packed.rows);
        let norms: &[u8] = bytemuck::cast_slice(&self.packed.norms);
        stream.staging.write(lane.gpu, wide(rows.len() + norms.len()), |mut memory| {
            memory.slice(..rows.len()).copy_from_slice(rows);
            memory.slice(rows.len()..rows.len() + norms.len()).copy_from_slice(norms);
            Ok(())
        })
    }

    /// Submits one dispatch for a level's block number `block` and waits for it. If `load`, the block was staged and is copied
    /// first. After the last dispatch all rows are read, after any other only the first row's stamp.
    fn submit(
        &mut self,
        lane: &mut LaneState<'_>,
        centring: &mut Centring,
        (level, block, load): (usize, usize, bool),
        work: SearchDispatch,
        mut end: End<'_>,
    ) -> Result<()> {
        let gpu = lane.gpu;
        let mut recorder = lane.recorder();
        let centred = centring.record(lane, &mut recorder)?;
        let Some(buffers) = &lane.buffers.search else {
            return Err(defect("a search has no buffers"));
        };
        if let (Some(stream), true) = (&buffers.stream, load) {
            let rows = wide(size_of_val(self.packed.rows.as_slice()));
            let norms = wide(size_of_val(self.packed.norms.as_slice()));
            recorder.copy((&stream.staging.buffer, 0), (&stream.block.centroids, 0), rows);
            recorder.copy((&stream.staging.buffer, rows), (&stream.block.norms, 0), norms);
        }
        let now = &self.bound[0];
        let blocks = &now.blocks[level];
        let bound = blocks.get(block).or(blocks.first()).ok_or_else(|| defect("a block is not bound"))?;
        search::record(&mut recorder, bound, now.shape, work)?;
        let bytes = if let End::Rows = end { u64::from(work.rows) * BEST_BYTES } else { BEST_BYTES };
        recorder.copy((&buffers.best, 0), (&buffers.readback, 0), bytes);
        let more = match &mut end {
            End::Then(after) => after.record(lane, &mut recorder, work.stamp)?,
            End::Rows | End::Goes => 0,
        };
        self.pace.start(work.rows, (work.end - work.begin) as usize, work.octets);
        let submission = recorder.submit();
        if centred {
            Centring::submitted(gpu, &lane.place, &mut lane.buffers.list, &submission);
        }
        let Some(buffers) = &mut lane.buffers.search else {
            return Err(defect("a search has no buffers"));
        };
        if let (Some(stream), true) = (&mut buffers.stream, load) {
            stream.staging.recycle(gpu, &submission);
        }
        read(gpu, &buffers.readback, bytes + more, &submission, |results| {
            let (found, more) = results.split_at(to_usize(bytes));
            let found: &[RowCandidates] = cast(found)?;
            if found.iter().any(|row| row.stamp != work.stamp) {
                return Err(not_computed());
            }
            self.found.clear();
            self.found.extend_from_slice(found);
            if let End::Then(after) = &mut end { after.read(more) } else { Ok(()) }
        })?;
        self.pace.stop();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
