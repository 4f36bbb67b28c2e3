//! Silhouettes of cosine distances, exact and without comparing all pairs of points.
//!
//! Rows have norm 1, so the cosine distance of two of them is half their squared distance, and the mean cosine distance of a
//! point to a cluster is half its squared distance to the lifted mean (see `lifted`). One search gives a point its own
//! cluster's distance and that of the nearest other one.

use ndarray::Array2;

use super::evaluation::{Evaluation, Nonfinite};
use super::lifted;
use super::means::Means;
use super::pass::{Pass, no_memory};
use super::sinks::DistanceSinks;
use crate::backend::Job;
use crate::base::error::Result;
use crate::base::matrix::MatrixView;
use crate::engine::checkpoint_store::Stage;
use crate::engine::partials::RowSums;
use crate::metrics::level_statistics::LevelStatistics;

/// Sums of the silhouettes over this process's rows. `levels` are the results of the first round over all rows.
pub(super) fn silhouettes(run: &Evaluation<'_>, means: &Means, levels: &[LevelStatistics]) -> Result<RowSums> {
    let lifted = (0..levels.len()).map(|at| lift(means.view(at), &levels[at])).collect::<Result<Vec<_>>>()?;
    let embeddings = run.embeddings;
    let occupied = |level: &LevelStatistics| -> Vec<u32> {
        (0..).zip(&level.clusters).filter(|(_, sums)| sums.size > 0).map(|(cluster, _)| cluster).collect()
    };
    let job = Job {
        tile_rows: run.job.tile_rows,
        keep_rows: true,
        centre: means.of_all(0).iter().copied().chain([0.0]).collect(),
        searched: levels.iter().map(occupied).collect(),
        ..Job::new(
            embeddings.dim() + 1,
            embeddings.dtype(),
            embeddings.rows(),
            lifted.iter().map(|means| MatrixView::F64(means.view())).collect(),
        )
    };
    let sizes: Vec<Vec<u64>> =
        levels.iter().map(|level| level.clusters.iter().map(|sums| sums.size).collect()).collect();
    let tiling = run.backend.tiling(&job)?;
    // the first pass has refused or counted the non-finite rows
    let pass = Pass { run, stage: Stage::Cosine, job: &job, tiling, nonfinite: Nonfinite::Skip, sizes: Some(&sizes) };
    pass.run(DistanceSinks::default())
}

/// The means of a level with their heights, `[k, d + 1]`; zeros for empty clusters.
fn lift(means: MatrixView<'_>, level: &LevelStatistics) -> Result<Array2<f64>> {
    let (rows, dim) = (means.rows(), means.cols());
    let length = rows.checked_mul(dim + 1).ok_or_else(no_memory)?;
    let mut values = Vec::new();
    values.try_reserve_exact(length).map_err(|_| no_memory())?;
    values.resize(length, 0.0);
    for (cluster, (row, sums)) in values.chunks_exact_mut(dim + 1).zip(&level.clusters).enumerate() {
        if sums.size > 0 {
            means.copy_row(cluster, &mut row[..dim]);
            row[dim] = lifted::height(&row[..dim], sums.size, sums.excess);
        }
    }
    Array2::from_shape_vec((rows, dim + 1), values).map_err(|_| no_memory())
}
