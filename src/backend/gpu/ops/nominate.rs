//! Nominates candidates of a tile's rows for a top-2 search: the four centroids with the lowest scores of each row, found in
//! float32, or in float16 first.

use std::sync::Arc;

use super::after::{After, SearchedRows};
use super::bound_shape::{BoundShape, bind, shape, work};
use super::centring::Centring;
use super::half_search::{HalfSearch, copy_candidates, read_candidates};
use super::rescore::ScoreError;
use super::resident::ResidentCentroids;
use super::searched::{CentredCentroids, SearchedLevel};
use crate::backend::gpu::engine::fault::defect;
use crate::backend::gpu::engine::lane::LaneState;
use crate::backend::gpu::engine::options::KernelShape;
use crate::backend::gpu::engine::pace::Pace;
use crate::backend::gpu::engine::pipeline::Bound;
use crate::backend::gpu::engine::units::{narrow, wide};
use crate::backend::gpu::kernels::search::{self, RowCandidates, SearchDispatch};
use crate::base::error::Result;
use crate::base::numeric::to_usize;

/// What follows a dispatch.
enum Next<'a> {
    /// Another dispatch.
    Dispatch,
    /// Reading the candidates of all rows.
    Candidates,
    /// This work, and reading its results.
    Work(&'a mut dyn After),
}

/// The search kernels, bound to each level's blocks of centroids.
pub(crate) struct Nominator {
    resident: Arc<ResidentCentroids>,
    /// The shapes that were used so far, the one in use first.
    bound: Vec<BoundShape>,
    /// `None` if no level is searched in float16.
    half: Option<HalfSearch>,
    /// Per level: one per resident block, for the rows that are searched again in float32.
    listed_blocks: Vec<Vec<Bound>>,
    /// Rows that the last search in float16 did not decide.
    again: usize,
    was_in_half: bool,
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
        let half = HalfSearch::new(lane, resident)?;
        let pipeline = lane.gpu.pipeline(bound.shape.kernel, bound.shape.entry, 0)?;
        let listed_blocks = half.iter().flat_map(|half| {
            let buffers = (&*half.listed, &*half.listed_best);
            resident.searched.iter().map(move |searched| (searched, buffers))
        });
        let listed_blocks = listed_blocks.map(|(searched, buffers)| {
            let blocks = searched.iter().flat_map(|searched| &searched.blocks);
            blocks.map(|block| bind(lane, (bound.shape, &pipeline), buffers, block)).collect()
        });
        let listed_blocks = listed_blocks.collect();
        Ok(Some(Nominator {
            resident: resident.clone(),
            bound: vec![bound],
            half,
            listed_blocks,
            again: 0,
            was_in_half: false,
            pace: Pace::learned(&lane.gpu.pace),
            steady: false,
            found: Vec::new(),
            packed: CentredCentroids::default(),
        }))
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
    /// rows that the caller asks for, is computable. Rows that are not computable have arbitrary candidates. With `after`,
    /// only the first row's candidates are read. If the rows were then searched in float16 ([`Nominator::was_in_half`]), those
    /// that `after` leaves undecided need [`Nominator::nominate_again`].
    pub(crate) fn nominate(
        &mut self,
        lane: &mut LaneState<'_>,
        centring: &mut Centring,
        level: usize,
        searched: &SearchedLevel,
        rows: impl Iterator<Item = usize>,
        mut after: Option<&mut dyn After>,
    ) -> Result<&[RowCandidates]> {
        self.was_in_half = false;
        let on_device = !searched.clusters.is_empty() && ScoreError::holds(lane.job.dim);
        let mut rows = rows.filter(|&row| on_device && centring.computable(lane, row)).peekable();
        if rows.peek().is_none() {
            return Ok(&[]);
        }
        if self.in_half(lane, level) {
            let rows: Vec<usize> = rows.collect();
            // the object's lifetime must shrink, which it does only outside of an `Option`
            let after: Option<&mut dyn After> = match &mut after {
                Some(after) => Some(&mut **after),
                None => None,
            };
            self.was_in_half = self.nominate_in_half(lane, centring, (level, searched), &rows, after)?;
            if self.was_in_half {
                return Ok(&self.found);
            }
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
        self.score(lane, centring, (level, searched), SearchedRows::Tile, after)?;
        self.steady = self.pace == pace;
        turn.end(self.steady);
        Ok(&self.found)
    }

    /// Searches `rows` of the tile again, in float32, after [`Nominator::nominate`] searched them in float16. `which` is that of
    /// [`Nominator::rows_again`], and of `after`. Only the first row's candidates are read.
    pub(crate) fn nominate_again(
        &mut self,
        lane: &mut LaneState<'_>,
        centring: &mut Centring,
        (level, searched): (usize, &SearchedLevel),
        (rows, which): (&[u32], SearchedRows),
        after: &mut dyn After,
    ) -> Result<&[RowCandidates]> {
        if let (SearchedRows::Listed(_), Some(half)) = (which, &self.half) {
            half.list(lane, rows)?;
        }
        self.score(lane, centring, (level, searched), which, Some(after))?;
        Ok(&self.found)
    }

    /// Which rows to search again if so many need it: those on their own if they are few, else the whole tile.
    pub(crate) fn rows_again(&self, rows: usize) -> Result<SearchedRows> {
        match self.half.as_ref().is_some_and(|half| rows <= half.most_listed) {
            true => Ok(SearchedRows::Listed(narrow(rows)?)),
            false => Ok(SearchedRows::Tile),
        }
    }

    /// The listed rows' candidates, and their numbers among the points; `None` if no level is searched in float16.
    pub(crate) fn listed(&self) -> Option<(&wgpu::Buffer, &wgpu::Buffer)> {
        self.half.as_ref().map(|half| (&*half.listed_best, &*half.point_rows))
    }

    /// Whether a level is searched in float16 first.
    fn in_half(&self, lane: &LaneState<'_>, level: usize) -> bool {
        // rows that float16 does not decide are searched in float32
        let again = self.device_columns(lane, level) > 0;
        again && self.half.as_ref().is_some_and(|half| half.searches(lane, level))
    }

    /// Whether the last search was in float16.
    pub(crate) fn was_in_half(&self) -> bool {
        self.was_in_half
    }

    /// Nominates in float16. Without `after`, nominates again in float32 for those of `rows` that float16 doesn't decide. False
    /// if the caller must search the whole tile in float32: too many rows are undecided.
    fn nominate_in_half(
        &mut self,
        lane: &mut LaneState<'_>,
        centring: &mut Centring,
        (level, searched): (usize, &SearchedLevel),
        rows: &[usize],
        after: Option<&mut dyn After>,
    ) -> Result<bool> {
        let Some(half) = self.half.as_mut() else { return Ok(false) };
        let largest = rows.iter().map(|&row| lane.tile.largest(row)).fold(0.0, f64::max) + centring.largest;
        let mut found = std::mem::take(&mut self.found);
        let reads_all = after.is_none();
        half.search(lane, centring, (level, searched), (largest, after), &mut found)?;
        if !reads_all {
            self.found = found;
            return Ok(true);
        }
        let again = rows.iter().filter(|&&row| !found[row].decides()).map(|&row| narrow(row));
        let again = again.collect::<Result<Vec<u32>>>()?;
        self.again = again.len();
        tracing::trace!(rows = rows.len(), again = self.again, "searched in float16");
        let listed = self.rows_again(again.len())?;
        if listed == SearchedRows::Tile {
            return Ok(false);
        }
        if let (Some(half), false) = (&self.half, again.is_empty()) {
            half.list(lane, &again)?;
            self.score(lane, centring, (level, searched), listed, None)?;
            again.iter().zip(&self.found).for_each(|(&row, better)| found[row as usize] = *better);
        }
        self.found = found;
        Ok(true)
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
        (level, searched): (usize, &SearchedLevel),
        source: SearchedRows,
        mut after: Option<&mut dyn After>,
    ) -> Result<()> {
        let rows = match source {
            SearchedRows::Tile => narrow(lane.tile.rows())?,
            SearchedRows::Listed(rows) => rows,
        };
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
                let paced = self.columns_now(lane, rows, fits);
                if paced == 0 {
                    return Err(defect("rows are too wide for the search"));
                }
                let work = SearchDispatch {
                    rows,
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
                let next = match (last, after.as_deref_mut()) {
                    (true, Some(after)) => Next::Work(after),
                    (true, None) => Next::Candidates,
                    (false, _) => Next::Dispatch,
                };
                self.submit(lane, centring, (level, number, load), (source, work), next)?;
                begin += paced;
            }
        }
        Ok(())
    }

    /// Centroids of the next submission: at most `fits`, and no more than the device searches in a fraction of a second.
    fn columns_now(&self, lane: &LaneState<'_>, rows: u32, fits: usize) -> usize {
        let paced = to_usize(self.pace.columns(rows, lane.plan.octets));
        // 128 is a multiple of what any shape processes at a time, so only the last dispatch of a block is partial.
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

    /// Submits one dispatch for a level's block number `block` and waits for it. If `load`, the block was staged and is
    /// copied first. Unless the candidates of all rows are to be read, only those of the first are, for their stamp.
    fn submit(
        &mut self,
        lane: &mut LaneState<'_>,
        centring: &mut Centring,
        (level, block, load): (usize, usize, bool),
        (source, work): (SearchedRows, SearchDispatch),
        mut next: Next<'_>,
    ) -> Result<()> {
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
        let (blocks, best) = match (source, &self.half) {
            (SearchedRows::Listed(_), Some(half)) => (&self.listed_blocks[level], &*half.listed_best),
            _ => (&now.blocks[level], &*buffers.best),
        };
        let bound = blocks.get(block).or(blocks.first()).ok_or_else(|| defect("a block is not bound"))?;
        search::record(&mut recorder, bound, now.shape, work)?;
        let rows = if let Next::Candidates = next { work.rows } else { 1 };
        copy_candidates(&mut recorder, (best, &buffers.readback), rows);
        let more = match &mut next {
            Next::Work(after) => after.record(lane, &mut recorder, work.stamp)?,
            Next::Candidates | Next::Dispatch => 0,
        };
        self.pace.start(work.rows, (work.end - work.begin) as usize, work.octets);
        let submission = recorder.submit();
        if centred {
            Centring::submitted(lane.gpu, &lane.location, &mut lane.buffers.list, &submission);
        }
        if load {
            let stream = lane.buffers.search.as_mut().and_then(|search| search.stream.as_mut());
            stream.into_iter().for_each(|stream| stream.staging.recycle(lane.gpu, &submission));
        }
        read_candidates(lane, &submission, (rows, more), work.stamp, &mut self.found, |more| match &mut next {
            Next::Work(after) => after.read(more),
            Next::Candidates | Next::Dispatch => Ok(()),
        })?;
        self.pace.stop();
        self.pace.teach(&lane.gpu.pace);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
