//! The tiles in file order, each with its own stretch of the distance buffers.

use std::ops::Range;
use std::slice::ChunksMut;

use super::DistanceSinks;
use crate::backend::{Job, Lane, TileObservation};
use crate::base::error::Result;
use crate::base::numeric::{to_f32, to_usize};

/// Distances computed per call, so that the device's block stays small however large k is.
const PAIRWISE_BLOCK: usize = 1 << 22;

/// Hands out tiles. The stretches of the buffers are split off by `chunks_mut`, so lanes can't write into each other's.
pub(super) struct Queue<'a> {
    tile_rows: usize,
    first: u64,
    left: Range<u64>,
    own: Vec<ChunksMut<'a, f32>>,
    all: Vec<ChunksMut<'a, f32>>,
}

/// One tile to do.
pub(super) struct Task<'a> {
    pub(super) index: u64,
    pub(super) first_row: u64,
    pub(super) rows: usize,
    own: Vec<&'a mut [f32]>,
    all: Vec<&'a mut [f32]>,
}

impl<'a> Queue<'a> {
    /// Tiles of the rows that are `left`; the buffers are theirs alone.
    pub(super) fn new(left: Range<u64>, tile_rows: usize, sinks: DistanceSinks<'a>) -> Self {
        let rows = left.end - left.start;
        let own = sinks.own.into_iter().map(|sink| sink.chunks_mut(tile_rows)).collect();
        let tiles_of = |sink: &'a mut [f32]| {
            let columns = to_usize(sink.len() as u64 / rows.max(1));
            sink.chunks_mut((tile_rows * columns).max(1))
        };
        let all = sinks.all.into_iter().map(tiles_of).collect();
        Queue { tile_rows, first: left.start, left, own, all }
    }

    pub(super) fn next(&mut self) -> Option<Task<'a>> {
        let left = self.left.end - self.left.start;
        if left == 0 {
            return None;
        }
        let rows = to_usize(left).min(self.tile_rows);
        let take = |chunks: &mut Vec<ChunksMut<'a, f32>>| chunks.iter_mut().filter_map(Iterator::next).collect();
        let first_row = self.left.start;
        let index = (first_row - self.first) / self.tile_rows as u64;
        let task = Task { index, first_row, rows, own: take(&mut self.own), all: take(&mut self.all) };
        self.left.start += rows as u64;
        Some(task)
    }
}

impl<'a> Task<'a> {
    /// Whether the full matrix is wanted, which rows without a label are part of.
    pub(super) fn wants_all(&self) -> bool {
        !self.all.is_empty()
    }

    /// The tile has no row with a label.
    pub(super) fn unlabelled(self) -> Matrix<'a> {
        self.own.into_iter().for_each(|own| own.fill(f32::NAN));
        Matrix { rows: self.rows, levels: self.all }
    }

    /// Writes the own distances that are wanted.
    pub(super) fn keep(self, observation: &TileObservation) -> Matrix<'a> {
        for (own, level) in self.own.into_iter().zip(&observation.levels) {
            own.iter_mut().zip(&level.squared).for_each(|(out, squared)| *out = to_f32(squared.sqrt()));
        }
        Matrix { rows: self.rows, levels: self.all }
    }
}

/// A tile's part of the full matrix of distances, per level; none where it is not wanted.
pub(super) struct Matrix<'a> {
    rows: usize,
    levels: Vec<&'a mut [f32]>,
}

impl Matrix<'_> {
    /// Computes it block by block, asking before each whether to `go_on`. `block` is memory to use again.
    pub(super) fn fill(
        self,
        lane: &mut dyn Lane,
        job: &Job<'_>,
        block: &mut Vec<f32>,
        go_on: &dyn Fn() -> Result<()>,
    ) -> Result<()> {
        for (level, all) in self.levels.into_iter().enumerate() {
            let clusters = job.levels[level].rows();
            let step = (PAIRWISE_BLOCK / self.rows).clamp(1, clusters);
            if step == clusters {
                go_on()?;
                lane.pairwise(level, 0, clusters, all)?;
                continue;
            }
            block.resize(self.rows * step, 0.0);
            for first in (0..clusters).step_by(step) {
                go_on()?;
                let count = step.min(clusters - first);
                let block = &mut block[..self.rows * count];
                lane.pairwise(level, first, count, block)?;
                for (row, distances) in all.chunks_mut(clusters).zip(block.chunks(count)) {
                    row[first..first + count].copy_from_slice(distances);
                }
            }
        }
        Ok(())
    }
}
