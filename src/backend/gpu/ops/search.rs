//! Top-2 search for a tile's rows. The device finds candidates by score, and the nearest of them are decided by direct
//! difference. The host scans the centroids for the few rows whose scores don't decide.

use std::ops::Range;
use std::sync::Arc;

use super::centring::Centring;
use super::own_distances::OwnDistanceOp;
use super::rescore::{Candidates, Open, ScoreError, direct_error, in_order};
use super::resident::ResidentCentroids;
use super::searched::{CentredCentroids, SearchedLevel};
use crate::backend::gpu::engine::exact::NearestTwo;
use crate::backend::gpu::engine::fault::{defect, not_computed};
use crate::backend::gpu::engine::lane::LaneState;
use crate::backend::gpu::engine::memory::{cast, read};
use crate::backend::gpu::engine::pace::Pace;
use crate::backend::gpu::engine::pipeline::Bound;
use crate::backend::gpu::engine::plan::BEST_BYTES;
use crate::backend::gpu::engine::units::{narrow, wide};
use crate::backend::gpu::kernels::top2::{self, RowCandidates, SearchDispatch};
use crate::backend::{Top2, UNLABELLED};
use crate::base::error::Result;
use crate::base::numeric::{to_u32, to_usize};

/// Candidates of a row.
const CANDIDATES: usize = 4;

/// The operation: the kernel, bound to each level's blocks of centroids.
pub(crate) struct SearchOp {
    resident: Arc<ResidentCentroids>,
    entry: usize,
    /// Per level: one per resident block, or the lane's own block if the level is streamed.
    blocks: Vec<Vec<Bound>>,
    pace: Pace,
    found: Vec<RowCandidates>,
    packed: CentredCentroids,
}

impl SearchOp {
    /// `None` if the job searches nothing.
    pub(crate) fn new(lane: &LaneState<'_>, resident: &Arc<ResidentCentroids>) -> Result<Option<SearchOp>> {
        let LaneState { gpu, plan, buffers, .. } = lane;
        let (Some(search), Some(centred)) = (&buffers.search, &buffers.centred) else { return Ok(None) };
        let entry = gpu.shape_entry();
        let pipeline = gpu.pipeline(&top2::KERNEL, entry, 0)?;
        let bind = |centroids: &wgpu::Buffer, norms: &wgpu::Buffer| {
            let storage = [centred, centroids, norms, &search.best];
            let bindings = pipeline.bind(&gpu.device, &top2::KERNEL, &storage, &buffers.uniforms);
            (pipeline.clone(), bindings)
        };
        let blocks = resident.searched.iter().zip(&plan.search_resident).map(|(searched, &stays)| match searched {
            Some(searched) if stays => {
                searched.blocks.iter().map(|block| bind(&block.centroids, &block.norms)).collect()
            }
            Some(_) => search.stream.iter().map(|stream| bind(&stream.block.centroids, &stream.block.norms)).collect(),
            None => Vec::new(),
        });
        let blocks = blocks.collect();
        let (resident, found, packed) = (resident.clone(), Vec::new(), CentredCentroids::default());
        Ok(Some(SearchOp { resident, entry, blocks, pace: Pace::new(), found, packed }))
    }

    /// `Lane::top2`.
    pub(crate) fn search_tile(
        &mut self,
        lane: &mut LaneState<'_>,
        own: &mut OwnDistanceOp,
        centring: &mut Centring,
        level: usize,
        labels: &[u32],
        out: &mut Vec<Top2>,
    ) -> Result<()> {
        let resident = self.resident.clone();
        let searched = resident.searched.get(level).and_then(Option::as_ref);
        if labels.len() != lane.tile.rows() {
            return Err(defect("the labels don't have the shape of the tile"));
        }
        out.clear();
        out.resize(labels.len(), Top2::NONE);
        let Some(searched) = searched else {
            return Err(defect("top2 was called on a level that the job doesn't search"));
        };
        let labelled = labels.iter().enumerate().filter(|(_, label)| **label != UNLABELLED);
        let mut rows: Vec<SearchRow> = labelled.map(|(row, &own)| SearchRow::new(row, own)).collect();
        if rows.is_empty() {
            return Ok(());
        }
        self.find_candidates(lane, centring, level, searched, &mut rows)?;
        evaluate(lane, own, level, 0..2, &mut rows)?;
        for row in &mut rows {
            self.close(lane, level, searched, row);
        }
        evaluate(lane, own, level, 2..CANDIDATES, &mut rows)?;
        let error = direct_error(lane.job.dim);
        for row in &rows {
            out[row.row] = nearest_of(lane, level, row, error);
        }
        Ok(())
    }

    /// Gives every row that the device can search the four centroids with the lowest scores.
    fn find_candidates(
        &mut self,
        lane: &mut LaneState<'_>,
        centring: &mut Centring,
        level: usize,
        searched: &SearchedLevel,
        rows: &mut [SearchRow],
    ) -> Result<()> {
        let on_device = !searched.clusters.is_empty()
            && self.device_columns(lane, level) > 0
            && ScoreError::holds(lane.job.dim)
            && rows.iter().any(|row| centring.computable(lane, row.row));
        if !on_device {
            return Ok(());
        }
        self.score(lane, centring, level, searched)?;
        for row in rows.iter_mut().filter(|row| centring.computable(lane, row.row)) {
            let found = self.found[row.row].places.iter().zip(&mut row.clusters);
            for (&place, cluster) in found {
                if let Some(&known) = searched.clusters.get(place as usize) {
                    *cluster = known;
                    row.open += 1;
                }
            }
        }
        Ok(())
    }

    /// Most centroids per dispatch; 0 if rows are too wide for the kernel.
    fn device_columns(&self, lane: &LaneState<'_>, level: usize) -> u32 {
        let bound = !self.blocks[level].is_empty() && lane.plan.search_block > 0;
        if bound { top2::most_centroids(self.entry, lane.plan.octets).unwrap_or(0) } else { 0 }
    }

    /// Runs the kernel over all blocks of a level and reads its results.
    fn score(
        &mut self,
        lane: &mut LaneState<'_>,
        centring: &mut Centring,
        level: usize,
        searched: &SearchedLevel,
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
                };
                let last = first + begin + paced == places;
                let load = begin == 0 && streamed;
                self.submit(lane, centring, (level, number, load), work, last)?;
                begin += paced;
            }
        }
        Ok(())
    }

    /// Centroids of the next submission: at most `fits`, and no more than the device searches in a fraction of a second.
    fn columns_now(&self, lane: &LaneState<'_>, fits: usize) -> usize {
        let rows = to_u32(lane.tile.rows());
        let paced = to_usize(self.pace.columns(rows, lane.plan.octets));
        // A multiple of what either shape processes at a time, so that only the last dispatch of a block is ragged.
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
        last: bool,
    ) -> Result<()> {
        let gpu = lane.gpu;
        let mut recorder = lane.recorder();
        centring.record(lane, &mut recorder)?;
        let Some(buffers) = &mut lane.buffers.search else {
            return Err(defect("a search has no buffers"));
        };
        if let (Some(stream), true) = (&buffers.stream, load) {
            let rows = wide(size_of_val(self.packed.rows.as_slice()));
            let norms = wide(size_of_val(self.packed.norms.as_slice()));
            recorder.copy((&stream.staging.buffer, 0), (&stream.block.centroids, 0), rows);
            recorder.copy((&stream.staging.buffer, rows), (&stream.block.norms, 0), norms);
        }
        let blocks = &self.blocks[level];
        let bound = blocks.get(block).or(blocks.first()).ok_or_else(|| defect("a block is not bound"))?;
        top2::record(&mut recorder, bound, self.entry, work)?;
        let bytes = if last { u64::from(work.rows) * BEST_BYTES } else { BEST_BYTES };
        recorder.copy((&buffers.best, 0), (&buffers.readback, 0), bytes);
        self.pace.start(work.rows, (work.end - work.begin) as usize, work.octets);
        let submission = recorder.submit();
        if let (Some(stream), true) = (&mut buffers.stream, load) {
            stream.staging.recycle(gpu, &submission);
        }
        read(gpu, &buffers.readback, bytes, &submission, |bytes| {
            let found: &[RowCandidates] = cast(bytes)?;
            if found.iter().any(|row| row.stamp != work.stamp) {
                return Err(not_computed());
            }
            self.found.clear();
            self.found.extend_from_slice(found);
            Ok(())
        })?;
        self.pace.stop();
        Ok(())
    }

    /// Keeps only the candidates that can be among the row's nearest two. If any centroid can be, scans all of them.
    fn close(&self, lane: &mut LaneState<'_>, level: usize, searched: &SearchedLevel, row: &mut SearchRow) {
        let found = row.open;
        let complete = found == CANDIDATES.min(searched.clusters.len()) && found > 0;
        let open = match self.found.get(row.row) {
            Some(best) if complete => {
                let mut lengths = [0.0; CANDIDATES];
                for (length, &place) in lengths.iter_mut().zip(&best.places[..found]) {
                    *length = searched.lengths[place as usize];
                }
                let candidates = Candidates {
                    scores: &best.scores[..found],
                    lengths: &lengths[..found],
                    squared: [row.squared[0], row.squared[1]],
                    floor: (searched.clusters.len() > CANDIDATES).then_some(best.floor),
                    longest: searched.longest,
                };
                candidates.open(&ScoreError::new(&lane.job.centre))
            }
            _ => Open::All,
        };
        let nearest = match open {
            Open::First(open) if searched.extreme.is_empty() => {
                row.open = open;
                row.clusters[open..].fill(UNLABELLED);
                return;
            }
            Open::First(open) => {
                let some = row.clusters[..open].iter().chain(&searched.extreme);
                lane.exact.nearest(&lane.tile, row.row, level, row.own, some.copied())
            }
            Open::All => {
                let all = searched.clusters.iter().chain(&searched.extreme);
                lane.exact.nearest(&lane.tile, row.row, level, row.own, all.copied())
            }
        };
        let [first, second] = nearest.found;
        row.scanned = true;
        row.clusters = [UNLABELLED, UNLABELLED, first.1, second.1];
    }
}

/// Computes the squared distances of all rows to their candidates number `which`.
fn evaluate(
    lane: &mut LaneState<'_>,
    own: &mut OwnDistanceOp,
    level: usize,
    which: Range<usize>,
    rows: &mut [SearchRow],
) -> Result<()> {
    let mut labels = vec![UNLABELLED; lane.tile.rows()];
    for number in which {
        labels.fill(UNLABELLED);
        rows.iter().for_each(|row| labels[row.row] = row.clusters[number]);
        if labels.iter().all(|&label| label == UNLABELLED) {
            continue;
        }
        let squared = own.squared_to(lane, level, &labels)?;
        for row in rows.iter_mut().filter(|row| row.clusters[number] != UNLABELLED) {
            row.squared[number] = squared[row.row];
        }
    }
    Ok(())
}

/// The nearest two among a row's evaluated candidates. If float32 can't tell their order, float64 decides.
fn nearest_of(lane: &mut LaneState<'_>, level: usize, row: &SearchRow, error: f64) -> Top2 {
    if row.scanned {
        let [.., first, second] = row.clusters;
        return Top2 { clusters: [first, second], squared: [row.squared[2], row.squared[3]] };
    }
    let open = row.open;
    let mut found = NearestTwo::none(row.own);
    let mut ascending = row.squared;
    ascending[..open].sort_unstable_by(f64::total_cmp);
    if in_order(&ascending[..open], error) {
        row.clusters[..open].iter().zip(&row.squared).for_each(|(&cluster, &squared)| found.take(squared, cluster));
    } else {
        let open = row.clusters[..open].iter().copied();
        found = lane.exact.nearest(&lane.tile, row.row, level, row.own, open);
    }
    let clusters = found.found.map(|(_, cluster)| cluster);
    let squared = clusters.map(|cluster| {
        let place = row.clusters[..open].iter().position(|&candidate| candidate == cluster);
        place.map_or(f64::INFINITY, |place| row.squared[place])
    });
    Top2 { clusters, squared }
}

/// A row of the tile during its search.
#[derive(Debug, Clone, Copy)]
struct SearchRow {
    row: usize,
    /// The row's own cluster.
    own: u32,
    clusters: [u32; CANDIDATES],
    squared: [f64; CANDIDATES],
    /// How many of the first candidates can be among the nearest two.
    open: usize,
    /// Whether the host found the nearest two; they are then the last two candidates.
    scanned: bool,
}

impl SearchRow {
    fn new(row: usize, own: u32) -> SearchRow {
        let clusters = [UNLABELLED; CANDIDATES];
        SearchRow { row, own, clusters, squared: [f64::INFINITY; CANDIDATES], open: 0, scanned: false }
    }
}
