//! Nominates candidates in float16 with cooperative matrices.
//!
//! Let `x` and `c` be a centred row and a centroid, and `x'` and `c'` what float16 keeps of them, after scaling by a power of
//! two. The error of the score `|c|^2 - 2 x.c` that the kernel computes from `x'` and `c'` has three parts:
//!
//! - `2 |x.c - x'.c'| <= 2 (|x - x'| |c| + |x'| |c - c'|)` (Cauchy-Schwarz). The device computes `|x - x'|` of every row, and
//!   the host the largest `|c - c'|`: about a third of the worst cases, `2^-11 |x|` and `2^-11 |c|`. Values below float16's
//!   normal range are 0 in `x'` and `c'`, so both differences include them.
//! - Products of two float16 are exact in float32. Matrix units add them in any order, many at a time, aligned to the largest
//!   and truncated (Fasi, Higham, Mikaitis, Pranesh: *Numerical behavior of NVIDIA tensor cores*, 2021). Each addition
//!   is off by less than `2^-22 |x'| |c'|`. There are at most 5/4 additions per column, since blocks of four or more are
//!   added to the sum. In the score, this error counts twice.
//! - The norm and the score are rounded once: less than `2^-20 |c| (|c| + |x|)`.
//!
//! `refine` computes the candidates' scores again in float32, so [`ScoreError`](super::rescore::ScoreError) holds for them,
//! and subtracts the error from the floor, so that the floor is a lower bound of all other scores. If it is not above the
//! second best score, another centroid may be nearer, and the row needs a search in float32.

use super::after::After;
use super::centring::Centring;
use super::resident::ResidentCentroids;
use super::searched::{HalfCentroids, SMALLEST_HALF, SearchedLevel, half_scale};
use crate::backend::gpu::engine::exact::squared_norm;
use crate::backend::gpu::engine::fault::{defect, not_computed};
use crate::backend::gpu::engine::lane::LaneState;
use crate::backend::gpu::engine::memory::{cast, make, read};
use crate::backend::gpu::engine::pace::Pace;
use crate::backend::gpu::engine::pipeline::Bound;
use crate::backend::gpu::engine::plan::BEST_BYTES;
use crate::backend::gpu::engine::pool::DeviceBuffer;
use crate::backend::gpu::engine::submit::Recorder;
use crate::backend::gpu::engine::units::{narrow, wide};
use crate::backend::gpu::kernels::refine::HalfError;
use crate::backend::gpu::kernels::search::{self, RowCandidates, SearchDispatch};
use crate::backend::gpu::kernels::top2_half::{self, COOPERATIVE, SLAB_OCTETS};
use crate::backend::gpu::kernels::{gather_rows, halve, refine};
use crate::base::error::{Error, Result};
use crate::base::numeric::{to_f32, to_usize};

/// Up to one in this many rows of a tile are searched again on their own. If more need it, the whole tile is searched again.
const LISTED_SHARE: usize = 4;

/// The kernels, bound to each level's blocks, and the tile in float16.
pub(crate) struct HalfSearch {
    halve: Bound,
    /// Per level and block: `nominate` and `refine`; empty if the level isn't searched in float16.
    blocks: Vec<Vec<(Bound, Bound)>>,
    gather: Bound,
    /// Rows that are searched again: their numbers in the tile and among the points, their centred values and candidates.
    numbers: DeviceBuffer,
    pub(crate) point_rows: DeviceBuffer,
    pub(crate) listed: DeviceBuffer,
    pub(crate) listed_best: DeviceBuffer,
    pub(crate) most_listed: usize,
    pace: Pace,
}

impl HalfSearch {
    /// `None` if [`KernelShape::Cooperative`] isn't chosen, or no level can be searched in float16.
    pub(crate) fn new(lane: &LaneState<'_>, resident: &ResidentCentroids) -> Result<Option<HalfSearch>> {
        let LaneState { gpu, plan, buffers, .. } = lane;
        let wanted = gpu.searches_in_half() && resident.searched.iter().flatten().any(|level| level.halves.is_some());
        let half_bytes = wide(plan.tile_rows) * top2_half::row_bytes(plan.octets);
        let (Some(search), Some(centred), Some(variant)) = (&buffers.search, &buffers.centred, gpu.cooperative) else {
            return Ok(None);
        };
        if !wanted || half_bytes > plan.binding {
            return Ok(None);
        }
        let most_listed = plan.tile_rows.div_ceil(LISTED_SHARE);
        let storage = wgpu::BufferUsages::STORAGE;
        let made = gpu.scoped(|| {
            let listed = wide(most_listed);
            (
                make(gpu, "centred points in float16", half_bytes, storage),
                make(gpu, "listed rows", listed * 4, storage | wgpu::BufferUsages::COPY_DST),
                make(gpu, "listed rows among the points", listed * 4, storage | wgpu::BufferUsages::COPY_DST),
                make(gpu, "centred points of listed rows", listed * plan.centroid_row, storage),
                make(gpu, "best scores of listed rows", listed * BEST_BYTES, storage | wgpu::BufferUsages::COPY_SRC),
            )
        });
        let (halves, numbers, point_rows, listed, listed_best) =
            made.map_err(|raised| Error::device(*raised.finding))?;
        let bind = |kernel, variant, storage: &[&wgpu::Buffer]| -> Result<Bound> {
            let pipeline = gpu.pipeline(kernel, 0, variant)?;
            let bindings = pipeline.bind(&gpu.device, kernel, storage, &buffers.uniforms);
            Ok((pipeline, bindings))
        };
        let of_level = |searched: &Option<SearchedLevel>| -> Result<Vec<(Bound, Bound)>> {
            let Some((searched, in_half)) = searched.as_ref().and_then(|s| Some((s, s.halves.as_ref()?))) else {
                return Ok(Vec::new());
            };
            let both = searched.blocks.iter().zip(&in_half.blocks).map(|(block, half)| {
                let nominating: [&wgpu::Buffer; 4] = [&halves, half, &block.norms, &search.best];
                let refining: [&wgpu::Buffer; 5] = [centred, &halves, &block.centroids, &block.norms, &search.best];
                Ok((bind(&top2_half::KERNEL, variant as usize, &nominating)?, bind(&refine::KERNEL, 0, &refining)?))
            });
            both.collect()
        };
        Ok(Some(HalfSearch {
            halve: bind(&halve::KERNEL, 0, &[centred, &halves])?,
            blocks: resident.searched.iter().map(of_level).collect::<Result<_>>()?,
            gather: bind(&gather_rows::KERNEL, 0, &[centred, &numbers, &listed])?,
            numbers,
            point_rows,
            listed,
            listed_best,
            most_listed,
            pace: Pace::new(),
        }))
    }

    /// Whether a level is searched in float16.
    pub(crate) fn searches(&self, lane: &LaneState<'_>, level: usize) -> bool {
        !self.blocks[level].is_empty() && COOPERATIVE.most_centroids(half_octets(lane)).is_some()
    }

    /// Replaces `found` with the candidates of all rows of the tile; with `after`, with those of the first. `largest` is the
    /// largest magnitude of a centred row.
    pub(crate) fn search(
        &mut self,
        lane: &mut LaneState<'_>,
        centring: &mut Centring,
        (level, searched): (usize, &SearchedLevel),
        (largest, mut after): (f64, Option<&mut dyn After>),
        found: &mut Vec<RowCandidates>,
    ) -> Result<()> {
        let Some(in_half) = &searched.halves else { return Err(defect("a level is not in float16")) };
        let (rows, octets) = (narrow(lane.tile.rows())?, half_octets(lane));
        let scale = half_scale(largest);
        let (places, block) = (searched.clusters.len(), lane.plan.search_block);
        let most = COOPERATIVE.most_centroids(octets).map_or(0, |most| most as usize);
        for (number, first) in (0..places).step_by(block).enumerate() {
            let length = block.min(places - first);
            let mut begin = 0;
            while begin < length {
                let paced = to_usize(self.pace.columns(rows, octets)) / 128 * 128;
                let end = length.min(begin + most.min(paced.max(128)));
                let fresh = first + begin == 0;
                let work = SearchDispatch {
                    rows,
                    octets,
                    begin: narrow(begin)?,
                    end: narrow(end)?,
                    first_place: narrow(first)?,
                    fresh,
                    stamp: lane.next_stamp(),
                    unscale: to_f32(1.0 / (scale * in_half.scale)),
                };
                let mut recorder = lane.recorder();
                let mut centred = false;
                if fresh {
                    centred = centring.record(lane, &mut recorder)?;
                    halve::record(&mut recorder, &self.halve, rows, (lane.plan.octets, octets), to_f32(scale))?;
                }
                search::record(&mut recorder, &self.blocks[level][number].0, &COOPERATIVE, work)?;
                let mut stamp = work.stamp;
                let last = first + end == places;
                if last {
                    stamp = self.refine(lane, &mut recorder, (level, searched, in_half), scale)?;
                }
                self.pace.start(rows, end - begin, octets);
                let Some(buffers) = &lane.buffers.search else { return Err(defect("a search has no buffers")) };
                let read = if last && after.is_none() { rows } else { 1 };
                copy_candidates(&mut recorder, (&buffers.best, &buffers.readback), read);
                let mut after = after.as_deref_mut().filter(|_| last);
                let more = match &mut after {
                    Some(after) => after.record(lane, &mut recorder, stamp)?,
                    None => 0,
                };
                let submission = recorder.submit();
                if centred {
                    Centring::submitted(lane.gpu, &lane.location, &mut lane.buffers.list, &submission);
                }
                read_candidates(lane, &submission, (read, more), stamp, found, |more| match after {
                    Some(after) => after.read(more),
                    None => Ok(()),
                })?;
                self.pace.stop();
                begin = end;
            }
        }
        Ok(())
    }

    /// Records `refine` for all blocks of a level and returns its last stamp.
    fn refine(
        &self,
        lane: &mut LaneState<'_>,
        recorder: &mut Recorder<'_>,
        (level, searched, in_half): (usize, &SearchedLevel, &HalfCentroids),
        scale: f64,
    ) -> Result<u32> {
        let rows = narrow(lane.tile.rows())?;
        let (octets, half_octets) = (lane.plan.octets, half_octets(lane));
        let (places, block) = (searched.clusters.len(), lane.plan.search_block);
        let error = half_error(&lane.job.centre, scale, searched, in_half);
        let mut stamp = 0;
        for (number, first) in (0..places).step_by(block).enumerate() {
            let length = block.min(places - first);
            let range = (narrow(first)?, narrow(length)?);
            let last = first + length == places;
            let (_, bound) = &self.blocks[level][number];
            refine::record(recorder, bound, (rows, octets, half_octets), range, last, error)?;
            stamp = lane.next_stamp();
        }
        Ok(stamp)
    }

    /// Copies the centred values of some rows of the tile to `listed`.
    pub(crate) fn list(&self, lane: &LaneState<'_>, rows: &[u32]) -> Result<()> {
        let points: Vec<u32> = rows.iter().map(|&row| lane.location.row(row)).collect();
        lane.gpu.write(&self.numbers, 0, bytemuck::cast_slice(rows));
        lane.gpu.write(&self.point_rows, 0, bytemuck::cast_slice(&points));
        let mut recorder = lane.recorder();
        gather_rows::record(&mut recorder, &self.gather, narrow(rows.len())?, lane.plan.octets)?;
        recorder.submit();
        Ok(())
    }
}

/// Octets of a row in float16.
fn half_octets(lane: &LaneState<'_>) -> u32 {
    lane.plan.octets.next_multiple_of(SLAB_OCTETS)
}

/// What the largest error of a level's scores depends on. `scale` is that of the rows.
fn half_error(centre: &[f64], scale: f64, searched: &SearchedLevel, in_half: &HalfCentroids) -> HalfError {
    let dim = centre.len() as f64;
    // Upwards, and by more than float32 rounds.
    let up = |value: f64| to_f32(value * 1.001);
    HalfError {
        scale: to_f32(scale),
        longest: up(searched.longest),
        rounding: up(in_half.rounding),
        flushed: up(dim.sqrt() * SMALLEST_HALF / in_half.scale),
        adding: up(2.2 * (1.25 * dim + 32.0) / (1 << 22) as f64),
        offset: up((-40.0_f64).exp2() * squared_norm(centre).sqrt()),
    }
}

/// Records a copy of the candidates of the first `rows` rows.
pub(crate) fn copy_candidates(
    recorder: &mut Recorder<'_>,
    (best, readback): (&wgpu::Buffer, &wgpu::Buffer),
    rows: u32,
) {
    recorder.copy((best, 0), (readback, 0), u64::from(rows) * BEST_BYTES);
}

/// Reads the copied candidates, checks that each has the stamp `stamp`, and gives the `more` bytes behind them to `take`.
pub(crate) fn read_candidates(
    lane: &LaneState<'_>,
    submission: &wgpu::SubmissionIndex,
    (rows, more): (u32, u64),
    stamp: u32,
    found: &mut Vec<RowCandidates>,
    take: impl FnOnce(&[u8]) -> Result<()>,
) -> Result<()> {
    let Some(search) = &lane.buffers.search else { return Err(defect("a search has no buffers")) };
    let bytes = u64::from(rows) * BEST_BYTES;
    read(lane.gpu, &search.readback, bytes + more, submission, |results| {
        let (read, more) = results.split_at(to_usize(bytes));
        let read: &[RowCandidates] = cast(read)?;
        if read.iter().any(|row| row.stamp != stamp) {
            return Err(not_computed());
        }
        found.clear();
        found.extend_from_slice(read);
        take(more)
    })
}
