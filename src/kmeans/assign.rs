//! Assigns every point to its nearest centroid.

use ndarray::Array2;

use super::Assigned;
use super::communicator::SingleProcess;
use super::errors::check_columns;
use super::nonfinite::Nonfinite;
use super::pass::{Pass, search_finite};
use super::tile::{Cursor, Tile};
use crate::backend::{Backend, Job};
use crate::base::error::Result;
use crate::base::matrix::MatrixView;
use crate::engine::points::Points;
use crate::engine::progress::Progress;
use crate::engine::tile_pipeline::{Reduce, TileSource};

impl Assigned {
    /// Sum of squared distances.
    pub fn inertia(&self) -> f64 {
        self.squared.iter().sum()
    }
}

/// Finds the nearest of `centroids` (`[k, d]`, k > 0) for each of `points`, exactly. Distances are computed by direct
/// difference.
///
/// # Errors
/// `Input` for non-finite points; errors of the disk and the device.
pub fn assign(
    points: &dyn Points,
    backend: &dyn Backend,
    centroids: &Array2<f64>,
    watch: &dyn Progress,
) -> Result<Assigned> {
    check_columns(points.dim(), centroids.ncols())?;
    let job = Job {
        centre: centroids.mean_axis(ndarray::Axis(0)).map_or_else(Vec::new, |mean| mean.to_vec()),
        searched: vec![(0..).take(centroids.nrows()).collect()],
        kept: points.kept(),
        ..Job::new(points.dim(), points.dtype(), points.len(), vec![MatrixView::F64(centroids.view())])
    };
    let progress = watch.start_stage("assign", points.len(), points.row_bytes() as u64);
    let pass = Pass { points, backend, job: &job, checks_finite: true, watch, progress: progress.as_ref(), units: 1 };
    let assign = Assign { cursor: Cursor::new(points, 0), found: Assigned::default(), nonfinite: Nonfinite::default() };
    let (assign, outcome) = pass.run(assign, search_finite);
    assign.nonfinite.refuse(&SingleProcess, points.len(), outcome)?;
    Ok(assign.found)
}

struct Assign {
    cursor: Cursor,
    found: Assigned,
    nonfinite: Nonfinite,
}

impl TileSource for Assign {
    fn cut(&mut self, rows: usize, tile: &mut Tile) -> bool {
        self.cursor.cut(rows, tile, |_| true)
    }
}

impl Reduce for Assign {
    type Tile = Tile;

    fn reduce(&mut self, tile: &Tile) {
        self.found.labels.extend(tile.nearest.iter().map(|nearest| nearest.clusters[0]));
        self.found.squared.extend(tile.nearest.iter().map(|nearest| nearest.squared[0]));
        self.nonfinite.extend(tile);
    }
}
