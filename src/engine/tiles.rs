//! Passes over points: tiles are cut as lanes ask for them, read, computed on, and taken up in their order.

use std::ops::Range;

use crate::backend::{Backend, GroupSums, Job, Lane, TileObservation, Top2};
use crate::base::error::Result;
use crate::engine::points::Points;
use crate::engine::progress::{Progress, StageProgress};
use crate::engine::tile_pipeline::{self, Reduce, TilePipeline};

/// What a tile says; a pass fills in what it needs.
#[derive(Default)]
pub struct Tile {
    /// Number of the tile in its pass.
    index: u64,
    /// Points that it stands for: those that are read, and those before them that need not be.
    pub covers: Range<u64>,
    /// Points that are read, ascending.
    pub positions: Vec<u64>,
    /// Their labels before the pass.
    pub before: Vec<u32>,
    /// Their labels as an operation of the lane is given them.
    pub labels: Vec<u32>,
    /// What is nearest to them.
    pub nearest: Vec<Top2>,
    /// Distances to one centroid.
    pub observation: TileObservation,
    /// Sums of those that came to a cluster.
    pub came: GroupSums,
    /// Sums of those that left a cluster.
    pub left: GroupSums,
    /// Sum of their squared distances to its centroid.
    pub left_squares: f64,
}

/// Where a pass stands.
#[derive(Debug, Clone)]
pub struct Cursor {
    left: Range<u64>,
    tiles: u64,
}

impl Cursor {
    /// Before the first of some points.
    pub fn new(points: Range<u64>) -> Self {
        Cursor { left: points, tiles: 0 }
    }

    /// Has `tile` stand for the next points: as many as there are until `rows` are `wanted`. False at the end.
    pub fn cut(&mut self, rows: usize, tile: &mut Tile, mut wanted: impl FnMut(u64) -> bool) -> bool {
        let start = self.left.start;
        tile.positions.clear();
        tile.before.clear();
        tile.observation.nonfinite.clear();
        if self.left.is_empty() {
            return false;
        }
        while tile.positions.len() < rows
            && let Some(position) = self.left.next()
        {
            if wanted(position) {
                tile.positions.push(position);
            }
        }
        tile.covers = start..self.left.start;
        tile.index = self.tiles;
        self.tiles += 1;
        true
    }
}

/// What tiles are cut from and taken up by.
pub trait Pass: Reduce<Tile = Tile> {
    /// Fills in what the next tile, of at most `rows` points, is about; false where none is left.
    fn cut(&mut self, rows: usize, tile: &mut Tile) -> bool;
}

/// Goes over points.
pub struct Sweep<'a> {
    /// What is gone over.
    pub points: &'a dyn Points,
    /// The device.
    pub backend: &'a dyn Backend,
    /// What the device is to do.
    pub job: &'a Job<'a>,
    /// Who may stop the pass.
    pub watch: &'a dyn Progress,
    /// Who hears of points that are done.
    pub progress: &'a dyn StageProgress,
    /// What a point counts there.
    pub units: u64,
}

impl Sweep<'_> {
    /// Has `compute` done with every tile that has points to read, and all tiles taken up. Where that fails, what comes
    /// with the error is what was taken up before.
    pub fn run<P: Pass>(
        &self,
        pass: P,
        compute: impl Fn(&mut dyn Lane, &mut Tile) -> Result<()> + Sync,
    ) -> (P, Result<()>) {
        let tiling = match self.backend.tiling(self.job) {
            Ok(tiling) => tiling,
            Err(error) => return (pass, Err(error)),
        };
        tile_pipeline::work(tiling.lanes, pass, |crew: &TilePipeline<P>| {
            let mut lane = None;
            loop {
                let mut tile = crew.blank();
                if !crew.look(|pass| pass.cut(tiling.tile_rows, &mut tile)) {
                    return Ok(());
                }
                crew.go_on(self.watch.cancelled())?;
                if !tile.positions.is_empty() {
                    let lane = match &mut lane {
                        Some(lane) => lane,
                        None => lane.insert(self.backend.lane(self.job, tiling)?),
                    };
                    self.read(&tile.positions, lane.staging(tile.positions.len()))?;
                    lane.upload()?;
                    compute(lane.as_mut(), &mut tile)?;
                }
                self.progress.advance((tile.covers.end - tile.covers.start) * self.units);
                crew.put(tile.index, tile);
            }
        })
    }

    fn read(&self, positions: &[u64], out: &mut [u8]) -> Result<()> {
        match positions {
            [first, .., last] if last - first == positions.len() as u64 - 1 => self.points.read(*first, out),
            _ => self.points.gather(positions, out),
        }
    }
}
