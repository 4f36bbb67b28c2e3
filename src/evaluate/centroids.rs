//! The means of a clustering that was given as labels, which take the place of centroids.
//!
//! They are sums in double-double arithmetic over tiles of a fixed number of rows, computed by the CPU whatever the device and
//! added up in file order: their bits depend on the rows and the labels alone, not on the device, the number of threads or
//! the division into parts.

use std::num::NonZero;
use std::ops::Range;

use ndarray::Array2;

use super::evaluation::Nonfinite;
use super::pass::no_memory;
use crate::backend::cpu::CpuBackend;
use crate::backend::{Backend, GroupSums, Job, Lane, TileRows, Tiling, UNLABELLED};
use crate::base::error::Result;
use crate::base::magnitude::is_finite;
use crate::base::numeric::to_usize;
use crate::engine::driver::{Driven, Driver, TileWork};
use crate::engine::partials::PointSums;
use crate::engine::progress::Progress;
use crate::engine::tile_pipeline::{Reduce, TileSource};
use crate::formats::embeddings::Embeddings;
use crate::formats::hierarchy::Hierarchy;

/// Bytes of a tile: large, so that a tile has several rows of most clusters.
const TILE_BYTES: usize = 8 << 20;

/// Most rows of a tile.
const TILE_ROWS: usize = 1 << 16;

/// The name of the stage.
const NAME: &str = "centroids";

/// The means of the clusters of every level, `[k, d]` each; zeros for empty clusters. Rows with a NaN or an infinity are
/// refused or left out.
///
/// # Errors
/// `Input` for non-finite rows that are refused; `Failed` if the sums do not fit into memory; errors of the disk.
pub fn means_of_labels(
    embeddings: &Embeddings,
    hierarchy: &Hierarchy,
    nonfinite: Nonfinite,
    threads: Option<NonZero<usize>>,
    watch: &dyn Progress,
) -> Result<Vec<Array2<f64>>> {
    let (dim, levels) = (embeddings.dim(), hierarchy.levels.len());
    let roots: Vec<usize> = (0..levels).filter(|&level| hierarchy.starts_chain(level)).collect();
    let sums = roots.iter().map(|&level| PointSums::identity(hierarchy.k(level), dim).ok_or_else(no_memory));
    let sums = sums.collect::<Result<Vec<_>>>()?;
    let counts = roots.iter().map(|&level| vec![0; hierarchy.k(level)]).collect();
    let collector = Collector { left: 0..embeddings.rows(), sums, counts, broken: Vec::new() };
    let backend = CpuBackend::new(threads);
    let row_bytes = embeddings.row_bytes().max(1);
    let tile_rows = (TILE_BYTES / row_bytes).clamp(1, TILE_ROWS);
    let job = Job { sums: true, tile_rows, ..Job::new(dim, embeddings.dtype(), embeddings.rows(), Vec::new()) };
    let tiling: Tiling = backend.tiling(&job)?;
    let progress = watch.start_stage(NAME, embeddings.rows(), embeddings.row_bytes() as u64);
    let driver = Driver { backend: &backend, job: &job, tiling, watch, progress: progress.as_ref() };
    let work = Work { embeddings, hierarchy, roots: &roots };
    let Driven { reducer: Collector { sums, counts, broken, .. }, outcome, .. } = driver.run(collector, &work);
    outcome?;
    if nonfinite == Nonfinite::Refuse {
        super::nonfinite::refuse(embeddings, &broken, embeddings.rows())?;
    }
    lift(hierarchy, &roots, sums, counts)
}

/// The means of all levels, from the sums and counts of the levels that start a chain.
fn lift(
    hierarchy: &Hierarchy,
    roots: &[usize],
    sums: Vec<PointSums>,
    counts: Vec<Vec<u64>>,
) -> Result<Vec<Array2<f64>>> {
    let mut means = Vec::new();
    for ((&root, mut sums), mut counts) in roots.iter().zip(sums).zip(counts) {
        for level in root.. {
            let above = hierarchy.above(level).map(|above| {
                let mut of_above = vec![0; above.sizes.len()];
                let parents = above.parent.iter().zip(&counts).filter(|(parent, _)| **parent != UNLABELLED);
                parents.for_each(|(&parent, count)| of_above[parent as usize] += count);
                Ok((sums.lifted(&above.parent, above.sizes.len()).ok_or_else(no_memory)?, of_above))
            });
            let shape = (counts.len(), sums.dim());
            let values = sums.into_means(counts.into_iter());
            means.push(Array2::from_shape_vec(shape, values).map_err(|_| no_memory())?);
            match above.transpose()? {
                Some(above) => (sums, counts) = above,
                None => break,
            }
        }
    }
    Ok(means)
}

/// One tile.
#[derive(Default)]
struct Tile {
    first_row: u64,
    rows: usize,
    /// Labels on each level that starts a chain.
    labels: Vec<Vec<u32>>,
    /// Sums by these labels.
    groups: Vec<GroupSums>,
    /// Rows with a label that hold a NaN or an infinity.
    broken: Vec<u64>,
}

/// Sums over the tiles so far.
struct Collector {
    left: Range<u64>,
    sums: Vec<PointSums>,
    counts: Vec<Vec<u64>>,
    broken: Vec<u64>,
}

impl TileSource for Collector {
    fn cut(&mut self, rows: usize, tile: &mut Tile) -> bool {
        let left = self.left.end - self.left.start;
        tile.first_row = self.left.start;
        tile.rows = to_usize(left.min(rows as u64));
        self.left.start += tile.rows as u64;
        left > 0
    }
}

impl Reduce for Collector {
    type Tile = Tile;

    fn reduce(&mut self, tile: &Tile) {
        for (sums, groups) in self.sums.iter_mut().zip(&tile.groups) {
            sums.add_groups(groups);
        }
        for (counts, labels) in self.counts.iter_mut().zip(&tile.labels) {
            labels.iter().filter(|&&label| label != UNLABELLED).for_each(|&label| counts[label as usize] += 1);
        }
        self.broken.extend(&tile.broken);
    }
}

struct Work<'a> {
    embeddings: &'a Embeddings,
    hierarchy: &'a Hierarchy,
    roots: &'a [usize],
}

impl TileWork<Collector> for Work<'_> {
    type Scratch = ();

    /// Labels the tile. A tile without assigned points is not read.
    fn prepare(&self, tile: &mut Tile) -> usize {
        tile.broken.clear();
        tile.labels.resize_with(self.roots.len(), Vec::new);
        tile.groups.resize_with(self.roots.len(), GroupSums::default);
        for (&level, labels) in self.roots.iter().zip(&mut tile.labels) {
            labels.resize(tile.rows, UNLABELLED);
            self.hierarchy.label_rows(level, tile.first_row, labels);
        }
        if tile.labels.iter().flatten().any(|&label| label != UNLABELLED) {
            return tile.rows;
        }
        tile.groups.iter_mut().for_each(GroupSums::clear);
        0
    }

    fn rows<'t>(&self, tile: &'t Tile) -> TileRows<'t> {
        TileRows::Range(tile.first_row..tile.first_row + tile.rows as u64)
    }

    fn read(&self, tile: &mut Tile, rows: Range<usize>, out: &mut [u8]) -> Result<()> {
        self.embeddings.read_rows(tile.first_row + rows.start as u64, out)?;
        let rows = rows.zip(out.chunks_exact(self.embeddings.row_bytes().max(1)));
        for (place, _) in rows.filter(|(_, row)| !is_finite(self.embeddings.dtype(), row)) {
            let labels = tile.labels.iter_mut().map(|labels| std::mem::replace(&mut labels[place], UNLABELLED));
            // all of them, not only up to the first label
            if labels.fold(false, |any, label| any | (label != UNLABELLED)) {
                tile.broken.push(tile.first_row + place as u64);
            }
        }
        Ok(())
    }

    fn compute(&self, lane: &mut dyn Lane, tile: &mut Tile, _: &mut (), _: &dyn Fn() -> Result<()>) -> Result<()> {
        tile.labels.iter().zip(&mut tile.groups).try_for_each(|(labels, groups)| lane.cluster_sums(labels, groups))
    }

    fn units(&self, tile: &Tile) -> u64 {
        tile.rows as u64
    }
}
