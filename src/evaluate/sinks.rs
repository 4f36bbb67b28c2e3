//! Buffers for values of every row, and each tile's part of them.

use std::slice::ChunksMut;

use super::search_sinks::{SearchSinks, TiledSearch};
use crate::backend::{Job, Lane, TileObservation, Top2};
use crate::base::error::Result;
use crate::base::numeric::{to_f32, to_usize};
use crate::base::scale::Scale;

/// Distances computed per call, which bounds the device's block for any k.
const PAIRWISE_BLOCK: usize = 1 << 22;

/// Buffers for values of every row: one entry per evaluated level, or none if they are not wanted. This process has n rows.
#[derive(Default)]
pub struct DistanceSinks<'a> {
    /// Distance to the own centroid, `[n]`; NaN for unassigned points.
    pub own: Vec<&'a mut [f32]>,
    /// Distances to all centroids, `[n, k]`.
    pub all: Vec<&'a mut [f32]>,
    /// What the top-2 search finds. Requires that search.
    pub searched: Vec<SearchSinks<'a>>,
    /// Exact silhouettes of **all** rows; NaN for rows without one. Only filled if this process finishes the evaluation.
    pub silhouettes: Vec<&'a mut [f32]>,
}

impl DistanceSinks<'_> {
    /// The buffers that the first pass fills.
    pub(super) fn of_first(&mut self) -> DistanceSinks<'_> {
        DistanceSinks {
            own: self.own.iter_mut().map(|own| &mut **own).collect(),
            all: self.all.iter_mut().map(|all| &mut **all).collect(),
            searched: self.searched.iter_mut().map(SearchSinks::reborrow).collect(),
            silhouettes: Vec::new(),
        }
    }

    /// The buffers that a repeated search fills.
    pub(super) fn of_search(&mut self) -> DistanceSinks<'_> {
        let searched = self.searched.iter_mut().map(SearchSinks::reborrow).collect();
        DistanceSinks { searched, ..DistanceSinks::default() }
    }

    /// Drops the part of the first `done` of `rows` rows.
    pub(super) fn skip(&mut self, done: u64, rows: u64) {
        for sink in self.own.iter_mut().chain(&mut self.all) {
            let per_row = sink.len() as u64 / rows.max(1);
            // within the buffer
            let at = to_usize(done * per_row);
            *sink = std::mem::take(sink).split_at_mut(at).1;
        }
        self.searched.iter_mut().for_each(|sinks| sinks.skip(done));
    }
}

/// Splits the buffers into tiles. `chunks_mut` guarantees that lanes don't write into each other's part.
pub(super) struct TiledSinks<'a> {
    own: Vec<ChunksMut<'a, f32>>,
    all: Vec<ChunksMut<'a, f32>>,
    searched: Vec<TiledSearch<'a>>,
}

impl<'a> TiledSinks<'a> {
    /// Splits buffers of `rows` rows into tiles of `tile_rows` rows.
    pub(super) fn new(sinks: DistanceSinks<'a>, rows: u64, tile_rows: usize) -> Self {
        let own = sinks.own.into_iter().map(|sink| sink.chunks_mut(tile_rows)).collect();
        let tiles_of = |sink: &'a mut [f32]| {
            let columns = to_usize(sink.len() as u64 / rows.max(1));
            sink.chunks_mut((tile_rows * columns).max(1))
        };
        let all = sinks.all.into_iter().map(tiles_of).collect();
        let searched = sinks.searched.into_iter().map(|sinks| TiledSearch::new(sinks, tile_rows)).collect();
        TiledSinks { own, all, searched }
    }

    /// The part of the next tile.
    pub(super) fn next(&mut self) -> TileSinks<'a> {
        let take = |chunks: &mut Vec<ChunksMut<'a, f32>>| chunks.iter_mut().filter_map(Iterator::next).collect();
        let searched = self.searched.iter_mut().filter_map(TiledSearch::next).collect();
        TileSinks { own: take(&mut self.own), all: take(&mut self.all), searched }
    }
}

/// One tile's part of the buffers, per level.
#[derive(Default)]
pub(super) struct TileSinks<'a> {
    own: Vec<&'a mut [f32]>,
    all: Vec<&'a mut [f32]>,
    searched: Vec<SearchSinks<'a>>,
}

impl TileSinks<'_> {
    /// Whether the full matrix is wanted. It includes the rows of unassigned points.
    pub(super) fn wants_all(&self) -> bool {
        !self.all.is_empty()
    }

    /// Writes what a tile without assigned points has.
    pub(super) fn fill_unassigned(&mut self) {
        self.own.iter_mut().for_each(|own| own.fill(f32::NAN));
        self.searched.iter_mut().for_each(SearchSinks::clear);
    }

    /// Writes the own distances, in the unit of the embeddings.
    pub(super) fn fill_own(&mut self, observation: &TileObservation, scale: Scale) {
        for (own, level) in self.own.iter_mut().zip(&observation.levels) {
            own.iter_mut().zip(&level.squared).for_each(|(out, squared)| *out = to_f32(scale.distance(squared.sqrt())));
        }
    }

    /// Writes what the search found. `labels` and `nearest` are of the evaluated levels, and `searched` lists the clusters.
    pub(super) fn fill_searched<'l>(
        &mut self,
        labels: impl Iterator<Item = &'l [u32]>,
        observation: &TileObservation,
        nearest: &[Vec<Top2>],
        searched: &[Vec<u32>],
        scale: Scale,
    ) {
        let found = labels.zip(&observation.levels).zip(nearest.iter().zip(searched));
        for (sinks, ((labels, level), (nearest, searched))) in self.searched.iter_mut().zip(found) {
            sinks.fill(labels, &level.squared, nearest, searched.len() > 1, scale);
        }
    }

    /// Converts the full distance matrix to the unit of the embeddings.
    pub(super) fn restore_all(&mut self, scale: Scale) {
        if scale != Scale::ONE {
            let all = self.all.iter_mut().flat_map(|all| all.iter_mut());
            all.for_each(|distance| *distance = to_f32(scale.distance(f64::from(*distance))));
        }
    }

    /// Computes the full matrix of a tile of `rows` rows block by block. Calls `check` before each block. `block` is reused
    /// memory.
    pub(super) fn fill_all(
        &mut self,
        rows: usize,
        lane: &mut dyn Lane,
        job: &Job<'_>,
        block: &mut Vec<f32>,
        check: &dyn Fn() -> Result<()>,
    ) -> Result<()> {
        for (level, all) in self.all.iter_mut().enumerate() {
            let clusters = job.levels[level].rows();
            let step = (PAIRWISE_BLOCK / rows).clamp(1, clusters);
            if step == clusters {
                check()?;
                lane.pairwise(level, 0, clusters, all)?;
                continue;
            }
            block.resize(rows * step, 0.0);
            for first in (0..clusters).step_by(step) {
                check()?;
                let count = step.min(clusters - first);
                let block = &mut block[..rows * count];
                lane.pairwise(level, first, count, block)?;
                for (row, distances) in all.chunks_mut(clusters).zip(block.chunks(count)) {
                    row[first..first + count].copy_from_slice(distances);
                }
            }
        }
        Ok(())
    }
}
