//! The nearest centroid of every point.

use ndarray::Array2;

use super::broken::{Broken, label_finite};
use super::communicator::SingleProcess;
use super::{Assigned, fit};
use crate::backend::{Backend, Job};
use crate::base::error::Result;
use crate::base::matrix::MatrixView;
use crate::engine::points::Points;
use crate::engine::progress::Progress;
use crate::engine::tile_pipeline::Reduce;
use crate::engine::tiles::{Cursor, Pass, Sweep, Tile};

impl Assigned {
    /// Sum of squared distances.
    pub fn inertia(&self) -> f64 {
        self.squared.iter().sum()
    }
}

/// The nearest of `centroids` (at least one) to each of `points`, exactly, and how far it is, by direct difference.
///
/// # Errors
/// `Input` where points are not finite; what the disk or the device says.
pub fn assign(
    points: &dyn Points,
    backend: &dyn Backend,
    centroids: &Array2<f64>,
    watch: &dyn Progress,
) -> Result<Assigned> {
    fit::check_columns(points.dim(), centroids.ncols())?;
    let job = Job {
        centre: centroids.mean_axis(ndarray::Axis(0)).map_or_else(Vec::new, |mean| mean.to_vec()),
        searched: vec![(0..).take(centroids.nrows()).collect()],
        ..Job::new(points.dim(), points.dtype(), points.len(), vec![MatrixView::F64(centroids.view())])
    };
    let progress = watch.begin("assign", points.len(), points.row_bytes() as u64);
    let sweep = Sweep { points, backend, job: &job, watch, progress: progress.as_ref(), units: 1 };
    let pass = Assign { cursor: Cursor::new(0..points.len()), found: Assigned::default(), broken: Broken::default() };
    let (pass, outcome) = sweep.run(pass, |lane, tile| {
        label_finite(lane, tile)?;
        lane.top2(0, &tile.labels, &mut tile.nearest)
    });
    pass.broken.refuse(&SingleProcess, points.len(), outcome)?;
    Ok(pass.found)
}

struct Assign {
    cursor: Cursor,
    found: Assigned,
    broken: Broken,
}

impl Pass for Assign {
    fn cut(&mut self, rows: usize, tile: &mut Tile) -> bool {
        self.cursor.cut(rows, tile, |_| true)
    }
}

impl Reduce for Assign {
    type Tile = Tile;

    fn reduce(&mut self, tile: &Tile) {
        self.found.labels.extend(tile.nearest.iter().map(|nearest| nearest.clusters[0]));
        self.found.squared.extend(tile.nearest.iter().map(|nearest| nearest.squared[0]));
        self.broken.extend(tile);
    }
}
