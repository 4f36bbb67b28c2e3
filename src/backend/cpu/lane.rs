//! A lane of the CPU backend: one worker's tile and the operations on it.

use bytemuck::{cast_slice, cast_slice_mut};
use pulp::Arch;

use super::centred::{CentredRows, Centring};
use super::cluster_sums::ClusterSums;
use super::own_distances::OwnDistances;
use super::pairwise::Pairwise;
use super::scores::Searched;
use super::tile::{Scratch, Tile};
use super::top2::{LevelSearch, NearestTwoSearch, SearchBuffers};
use crate::backend::{GroupSums, Job, Lane, Observation, TileObservation, Tiling, Top2};
use crate::base::error::Result;
use crate::base::matrix::{Dtype, MatrixView};

/// One worker's tile.
pub(super) struct CpuLane<'a> {
    job: &'a Job<'a>,
    /// The tile's bytes, as words so that they are aligned for every element type.
    words: Vec<u64>,
    rows: usize,
    scratch: Scratch,
    centred: CentredRows,
    search: SearchBuffers,
    levels: Vec<LevelSearch>,
}

impl<'a> CpuLane<'a> {
    pub(super) fn new(job: &'a Job<'a>, tiling: Tiling) -> Self {
        let words = (tiling.tile_rows * job.dim * job.dtype.size()).div_ceil(8);
        CpuLane {
            job,
            words: vec![0; words],
            rows: 0,
            scratch: Scratch::new(job.dim),
            centred: CentredRows::default(),
            search: SearchBuffers::default(),
            levels: job.searched.iter().map(|_| LevelSearch::default()).collect(),
        }
    }
}

/// The staged rows of a job's tile.
fn tile<'t>(job: &Job<'_>, words: &'t [u64], rows: usize) -> Tile<'t> {
    let double = job.dtype == Dtype::F64 || job.levels.iter().any(|level| matches!(level, MatrixView::F64(_)));
    let bytes = &cast_slice(words)[..rows * job.dim * job.dtype.size()];
    Tile { bytes, dim: job.dim, rows, dtype: job.dtype, double }
}

impl Lane for CpuLane<'_> {
    fn staging(&mut self, rows: usize) -> &mut [u8] {
        self.rows = rows;
        let bytes = rows * self.job.dim * self.job.dtype.size();
        &mut cast_slice_mut(&mut self.words)[..bytes]
    }

    fn upload(&mut self) -> Result<()> {
        self.centred.clear();
        Ok(())
    }

    fn own_distances(&mut self, labels: &[&[u32]], out: &mut TileObservation) -> Result<()> {
        out.nonfinite.clear();
        out.levels.resize_with(labels.len(), Observation::default);
        for level in &mut out.levels {
            level.runs.clear();
            level.squared.clear();
        }
        let tile = tile(self.job, &self.words, self.rows);
        let scratch = &mut self.scratch;
        Arch::new().dispatch(OwnDistances { tile, scratch, levels: &self.job.levels, labels, out });
        Ok(())
    }

    fn pairwise(&mut self, level: usize, first: usize, count: usize, out: &mut [f32]) -> Result<()> {
        let tile = tile(self.job, &self.words, self.rows);
        let scratch = &mut self.scratch;
        Arch::new().dispatch(Pairwise { tile, scratch, centroids: self.job.levels[level], first, count, out });
        Ok(())
    }

    fn top2(&mut self, level: usize, labels: &[u32], out: &mut Vec<Top2>) -> Result<()> {
        out.clear();
        out.resize(self.rows, Top2::NONE);
        let tile = tile(self.job, &self.words, self.rows);
        let scratch = &mut self.scratch;
        let centre = &self.job.centre;
        Arch::new().dispatch(Centring { tile, scratch, labels, centre, out: &mut self.centred });
        let (centroids, clusters) = (&self.job.levels[level], &self.job.searched[level]);
        let searched = Searched { centroids, clusters, centre };
        let (points, buffers, level) = (&self.centred, &mut self.search, &mut self.levels[level]);
        NearestTwoSearch { tile, scratch: &mut self.scratch, labels, points, buffers, level, searched, out }.run();
        Ok(())
    }

    fn cluster_sums(&mut self, labels: &[u32], out: &mut GroupSums) -> Result<()> {
        let tile = tile(self.job, &self.words, self.rows);
        Arch::new().dispatch(ClusterSums { tile, scratch: &mut self.scratch, labels, out });
        Ok(())
    }
}
