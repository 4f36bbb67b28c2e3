//! Measures the candidates of a search on the device, in the submission that finds them, and decides the rows for which this
//! is proof. Only the nearest two of each row come back, and the candidates of a few undecided rows. If there are more of them, the
//! host fetches their candidates.

use std::sync::Arc;

use super::after::{After, SearchedRows};
use super::own_distances::LevelCentroids;
use super::rescore::direct_error;
use super::resident::ResidentCentroids;
use super::searched::SearchedLevel;
use crate::backend::gpu::engine::buffers::{CandidateBuffers, SearchBuffers};
use crate::backend::gpu::engine::exact::{TINY, squared_norm};
use crate::backend::gpu::engine::fault::{defect, not_computed};
use crate::backend::gpu::engine::hi_lo::HI_LO_SHARE;
use crate::backend::gpu::engine::lane::LaneState;
use crate::backend::gpu::engine::location::PointKernel;
use crate::backend::gpu::engine::memory::{cast, read};
use crate::backend::gpu::engine::pipeline::Bound;
use crate::backend::gpu::engine::plan::{BEST_BYTES, NEAREST_BYTES, NEAREST_HEADER_BYTES, SQUARED_BYTES};
use crate::backend::gpu::engine::submit::Recorder;
use crate::backend::gpu::engine::units::{narrow, wide};
use crate::backend::gpu::kernels::decide::{Nearest, Proof, Undecided};
use crate::backend::gpu::kernels::search::RowCandidates;
use crate::backend::gpu::kernels::{decide, list_candidates, own_distance};
use crate::base::error::Result;
use crate::base::magnitude;
use crate::base::matrix::{Dtype, MatrixView};
use crate::base::numeric::to_f32;

/// The undecided rows of a search are read with its results if they are at most one in this many.
const LISTED_SHARE: usize = 32;

/// Bytes of a row's four measured squared distances.
const MEASURED_BYTES: u64 = 4 * SQUARED_BYTES;

/// One level whose candidates are measured on the device.
struct LevelWork {
    list: Bound,
    own: PointKernel,
    decide: Bound,
    /// `list` and `decide` for listed rows.
    listed: Option<(Bound, Bound)>,
    proof: Proof,
}

/// The operation, bound to every level for which it is possible.
pub(crate) struct Remeasure {
    levels: Vec<Option<LevelWork>>,
    /// Results of the last search, by row.
    nearest: Vec<Nearest>,
    /// Rows that it left undecided, ascending: all of them, unless they are too many for the device's list.
    undecided: Vec<Undecided>,
}

/// A row's candidates and its measured squared distances to them.
pub(crate) type Measured = (RowCandidates, [f32; 4]);

impl Remeasure {
    /// `listed` are the candidates of listed rows, and their numbers among the points.
    pub(crate) fn new(
        lane: &LaneState<'_>,
        resident: &Arc<ResidentCentroids>,
        listed: Option<(&wgpu::Buffer, &wgpu::Buffer)>,
    ) -> Result<Remeasure> {
        let levels = (0..lane.job.levels.len()).map(|level| LevelWork::new(lane, resident, level, listed));
        Ok(Remeasure { levels: levels.collect::<Result<_>>()?, nearest: Vec::new(), undecided: Vec::new() })
    }

    /// Whether the candidates of a level are measured on the device.
    pub(crate) fn handles(&self, level: usize) -> bool {
        self.levels.get(level).is_some_and(Option::is_some)
    }

    /// What follows the search of a level.
    pub(crate) fn after(&mut self, level: usize, searched: SearchedRows) -> AfterSearch<'_> {
        AfterSearch { of: self, level, searched, stamp: 0, listed: 0 }
    }

    /// The nearest two of every searched row, as of the last search.
    pub(crate) fn nearest(&self) -> &[Nearest] {
        &self.nearest
    }

    /// The candidates of some of the rows (ascending) of the last search, which left them in `best`, with their squared
    /// distances. `stamp` is that of the search.
    pub(crate) fn measured(
        &self,
        lane: &mut LaneState<'_>,
        best: Option<&wgpu::Buffer>,
        rows: &[usize],
        stamp: u32,
    ) -> Result<Vec<Measured>> {
        match self.listed(rows, stamp) {
            Some(listed) => Ok(listed),
            None => self.fetched(lane, best, rows, stamp),
        }
    }

    /// The same from the results of the last search; `None` if its list lacks one of the rows.
    fn listed(&self, rows: &[usize], stamp: u32) -> Option<Vec<Measured>> {
        let of = |&row: &usize| {
            let place = self.undecided.binary_search_by_key(&wide(row), |listed| listed.row.into()).ok()?;
            let listed = &self.undecided[place];
            Some((listed.candidates(), listed.squared)).filter(|(candidates, _)| candidates.stamp == stamp)
        };
        rows.iter().map(of).collect()
    }

    /// The same from the device.
    fn fetched(
        &self,
        lane: &mut LaneState<'_>,
        best: Option<&wgpu::Buffer>,
        rows: &[usize],
        stamp: u32,
    ) -> Result<Vec<Measured>> {
        // a few rows are copied one by one; if there are many, all are
        let all = self.nearest.len();
        let whole = rows.len() > all / 8;
        let mut recorder = lane.recorder();
        let (search, candidates) = buffers(lane)?;
        let best = best.unwrap_or(&search.best);
        let count = if whole { all } else { rows.len() };
        let first_measured = wide(count) * BEST_BYTES;
        let copies: Vec<(u64, u64, u64)> = match whole {
            true => vec![(0, 0, wide(count))],
            false => (0..).zip(rows).map(|(place, &row)| (wide(row), place, 1)).collect(),
        };
        for (from, to, rows) in copies {
            recorder.copy((best, from * BEST_BYTES), (&search.readback, to * BEST_BYTES), rows * BEST_BYTES);
            let (from, to) = (from * MEASURED_BYTES, first_measured + to * MEASURED_BYTES);
            recorder.copy((&candidates.squared, from), (&search.readback, to), rows * MEASURED_BYTES);
        }
        let submission = recorder.submit();
        let bytes = first_measured + wide(count) * MEASURED_BYTES;
        read(lane.gpu, &search.readback, bytes, &submission, |bytes| {
            let (best, squared) = bytes.split_at(count * size_of::<RowCandidates>());
            let (best, squared): (&[RowCandidates], &[[f32; 4]]) = (cast(best)?, cast(squared)?);
            if best.iter().any(|best| best.stamp != stamp) {
                return Err(not_computed());
            }
            let at = |(place, &row): (usize, &usize)| if whole { row } else { place };
            Ok(rows.iter().enumerate().map(at).map(|at| (best[at], squared[at])).collect())
        })
    }
}

impl LevelWork {
    /// `None` if the level's centroids don't all stay on the device, or the host evaluates some of them.
    fn new(
        lane: &LaneState<'_>,
        resident: &ResidentCentroids,
        level: usize,
        listed: Option<(&wgpu::Buffer, &wgpu::Buffer)>,
    ) -> Result<Option<LevelWork>> {
        let LaneState { gpu, buffers, job, .. } = lane;
        let (Some(search), Some(stored), Some(Some(searched))) =
            (&buffers.search, &resident.levels[level], resident.searched.get(level))
        else {
            return Ok(None);
        };
        let (Some(memory), Some(places)) = (&search.candidates, resident.places.get(level).and_then(Option::as_ref))
        else {
            return Ok(None);
        };
        if searched.clusters.is_empty() || !searched.extreme.is_empty() || !stored.extreme.is_empty() {
            return Ok(None);
        }
        let uniforms = &buffers.uniforms;
        let bind = |kernel, storage: &[&wgpu::Buffer]| -> Result<Bound> {
            let pipeline = gpu.pipeline(kernel, 0, 0)?;
            let bindings = pipeline.bind(&gpu.device, kernel, storage, uniforms);
            Ok((pipeline, bindings))
        };
        // if there is no list, the kernel reads none, but something must be bound
        let list = buffers.list.as_ref().map_or(&*buffers.entries, |(list, _)| list);
        let centroids = LevelCentroids::of(lane, resident, level)?;
        let pipeline = gpu.pipeline(&own_distance::KERNEL, gpu.shape_entry(), centroids.variant(lane))?;
        let storage = [&centroids.storage()[..], &[&*memory.entries, &*memory.squared]].concat();
        let bind_listed = |(best, rows): (&wgpu::Buffer, &wgpu::Buffer)| -> Result<(Bound, Bound)> {
            let list = bind(&list_candidates::KERNEL, &[best, places, rows, &memory.entries])?;
            Ok((list, bind(&decide::KERNEL, &[best, places, &memory.squared, &memory.nearest])?))
        };
        Ok(Some(LevelWork {
            listed: listed.map(bind_listed).transpose()?,
            list: bind(&list_candidates::KERNEL, &[&search.best, places, list, &memory.entries])?,
            own: PointKernel::new(&own_distance::KERNEL, pipeline, &storage, uniforms),
            decide: bind(&decide::KERNEL, &[&search.best, places, &memory.squared, &memory.nearest])?,
            proof: proof(job.dim, &job.centre, searched, in_parts(job.dtype, &job.levels[level]))?,
        }))
    }
}

/// Whether points or centroids are hi/lo parts.
fn in_parts(dtype: Dtype, level: &MatrixView<'_>) -> bool {
    dtype == Dtype::F64 || matches!(level, MatrixView::F64(_))
}

/// The bounds of one level, rounded to the safe side.
fn proof(dim: usize, centre: &[f64], searched: &SearchedLevel, in_parts: bool) -> Result<Proof> {
    let up = |value: f64| to_f32(value * (1.0 + 1e-6));
    Ok(Proof {
        places: narrow(searched.clusters.len())?,
        dim: up(dim as f64),
        centre: up(squared_norm(centre).sqrt()),
        longest: up(searched.longest),
        largest: up(magnitude::largest(Dtype::F64, bytemuck::cast_slice(centre))),
        // the comparison in float32 rounds twice
        direct: up(2.5 * direct_error(dim) + 1e-6),
        tiny: up(TINY),
        share: if in_parts { up(HI_LO_SHARE * dim as f64) } else { 0.0 },
    })
}

/// The buffers of a search and of its candidates.
fn buffers<'l>(lane: &'l LaneState<'_>) -> Result<(&'l SearchBuffers, &'l CandidateBuffers)> {
    let search = lane.buffers.search.as_ref().ok_or_else(|| defect("a search has no buffers"))?;
    let candidates = search.candidates.as_ref().ok_or_else(|| defect("candidates have no buffers"))?;
    Ok((search, candidates))
}

/// The work that follows the search of one level: measures and decides.
pub(crate) struct AfterSearch<'m> {
    of: &'m mut Remeasure,
    level: usize,
    searched: SearchedRows,
    stamp: u32,
    /// Undecided rows that are read with the results, if there are so many.
    listed: usize,
}

impl After for AfterSearch<'_> {
    fn record(&mut self, lane: &mut LaneState<'_>, recorder: &mut Recorder<'_>, searched_stamp: u32) -> Result<u64> {
        self.stamp = lane.next_stamp();
        let Some(Some(work)) = self.of.levels.get_mut(self.level) else {
            return Err(defect("a level's candidates can't be measured on the device"));
        };
        let octets = lane.plan.octets;
        let (rows, listed, (list, decide)) = match (self.searched, &work.listed) {
            (SearchedRows::Tile, _) => {
                (narrow(lane.tile.rows())?, lane.location.rows.is_some(), (&work.list, &work.decide))
            }
            (SearchedRows::Listed(rows), Some((list, decide))) => (rows, true, (list, decide)),
            (SearchedRows::Listed(_), None) => return Err(defect("no rows of the level are listed")),
        };
        list_candidates::record(recorder, list, (rows, work.proof.places), listed)?;
        let own = work.own.bound(lane.gpu, &lane.location);
        own_distance::record(recorder, own, lane.gpu.shape_entry(), 4 * rows, octets)?;
        let (search, candidates) = buffers(lane)?;
        decide::record(recorder, (decide, &*candidates.nearest), rows, work.proof, (searched_stamp, self.stamp))?;
        // a small tile should not bring back more undecided rows than decided ones
        self.listed = (rows as usize / LISTED_SHARE).min(decide::MOST_UNDECIDED);
        let before = decide::HEADER_BYTES + wide(self.listed * size_of::<Undecided>());
        let bytes = u64::from(rows) * NEAREST_BYTES;
        recorder.copy((&candidates.nearest, 0), (&search.readback, BEST_BYTES), before);
        let from = (&*candidates.nearest, NEAREST_HEADER_BYTES);
        recorder.copy(from, (&search.readback, BEST_BYTES + before), bytes);
        Ok(before + bytes)
    }

    fn read(&mut self, bytes: &[u8]) -> Result<()> {
        let (header, rest) = bytes.split_at(size_of::<decide::Header>());
        let (list, rows) = rest.split_at(self.listed * size_of::<Undecided>());
        let (header, list): (&decide::Header, &[Undecided]) = (&cast(header)?[0], cast(list)?);
        if header.stamp != self.stamp {
            return Err(not_computed());
        }
        let Remeasure { nearest, undecided, .. } = &mut *self.of;
        nearest.clear();
        nearest.extend_from_slice(cast(rows)?);
        undecided.clear();
        undecided.extend(list.iter().take(header.undecided as usize));
        // the device lists them in any order
        undecided.sort_unstable_by_key(|listed| listed.row);
        Ok(())
    }
}
