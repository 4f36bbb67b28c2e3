//! The true means of the clusters, and distances to them.

use ndarray::Array2;

use super::evaluation::{Evaluation, Nonfinite};
use super::pass::{Pass, no_memory};
use super::sinks::DistanceSinks;
use crate::backend::Job;
use crate::base::error::Result;
use crate::base::matrix::MatrixView;
use crate::base::numeric::as_real;
use crate::engine::checkpoint_store::Stage;
use crate::engine::partials::{ClusterSums, PointSums, RowSums, Sums};
use crate::metrics::level_statistics::{LevelStatistics, MeanStatistics};

/// The true means of every evaluated level, in float64.
pub(super) struct Means {
    /// `[k, d]` per level; zeros for empty clusters.
    levels: Vec<Array2<f64>>,
    /// Mean of all points in clusters, per level: levels that do not nest can leave out different rows.
    mean: Vec<Vec<f64>>,
    /// Whether they are the centroids, so that distances to them are known already.
    are_centroids: bool,
}

impl Means {
    /// `points` are the sums of the lowest evaluated level of each chain; those of the other levels derive from them.
    pub(super) fn new(run: &Evaluation<'_>, points: Vec<PointSums>, statistics: &[LevelStatistics]) -> Result<Self> {
        let mut means = Means { levels: Vec::new(), mean: Vec::new(), are_centroids: false };
        for (chain, points) in run.chains().into_iter().zip(points) {
            let lowest = &statistics[chain.start];
            let everything = vec![0; lowest.clusters.len()];
            let mean = points.lifted(&everything, 1).ok_or_else(no_memory)?.mean(0, lowest.points()).collect();
            means.mean.extend(std::iter::repeat_n(mean, chain.len()));
            means.add_chain(run, chain, points, statistics)?;
        }
        Ok(means)
    }

    /// The centroids of a clustering from labels, if they are its means.
    pub(super) fn of_centroids(run: &Evaluation<'_>, statistics: &[LevelStatistics]) -> Result<Self> {
        let mut means = Means { levels: Vec::new(), mean: Vec::new(), are_centroids: true };
        for (&index, level) in run.levels.iter().zip(statistics) {
            let view = run.hierarchy.levels[index].centroids.view();
            let (clusters, dim) = (level.clusters.len(), run.embeddings.dim());
            let mut sum = PointSums::identity(1, dim).ok_or_else(no_memory)?;
            let (mut values, mut row) = (Vec::new(), vec![0.0; dim]);
            values.try_reserve_exact(clusters * dim).map_err(|_| no_memory())?;
            for (cluster, sums) in level.clusters.iter().enumerate() {
                view.copy_row(cluster, &mut row);
                values.extend_from_slice(&row);
                // of an empty cluster, this adds zeros
                row.iter_mut().for_each(|value| *value *= as_real(sums.size));
                sum.add(0, (&row, &vec![0.0; dim]));
            }
            means.levels.push(Array2::from_shape_vec((clusters, dim), values).map_err(|_| no_memory())?);
            means.mean.push(sum.mean(0, level.points()).collect());
        }
        Ok(means)
    }

    /// Whether they are the centroids.
    pub(super) fn are_centroids(&self) -> bool {
        self.are_centroids
    }

    /// Adds the means of the levels of one chain.
    fn add_chain(
        &mut self,
        run: &Evaluation<'_>,
        chain: std::ops::Range<usize>,
        points: PointSums,
        statistics: &[LevelStatistics],
    ) -> Result<()> {
        let mut sums = Some(points);
        for at in chain.clone() {
            let Some(these) = sums.take() else { break };
            let level = &statistics[at];
            // the level above is summed before these sums become the means in their own memory
            if at + 1 < chain.end {
                let parent = ancestors(run, level.clusters.len(), run.levels[at] + 1..=run.levels[at + 1]);
                sums = Some(these.lifted(&parent, statistics[at + 1].clusters.len()).ok_or_else(no_memory)?);
            }
            let shape = (level.clusters.len(), these.dim());
            let means = these.into_means(level.clusters.iter().map(|sums| sums.size));
            self.levels.push(Array2::from_shape_vec(shape, means).map_err(|_| no_memory())?);
        }
        Ok(())
    }

    /// The means of one evaluated level, `[k, d]`.
    pub(super) fn view(&self, level: usize) -> MatrixView<'_> {
        MatrixView::F64(self.levels[level].view())
    }

    /// The mean of the points of one evaluated level, `[d]`.
    pub(super) fn of_all(&self, level: usize) -> &[f64] {
        &self.mean[level]
    }

    /// A second pass: sums of the distances to the means.
    pub(super) fn around(&self, run: &Evaluation<'_>) -> Result<RowSums> {
        let views = (0..self.levels.len()).map(|level| self.view(level)).collect();
        let embeddings = run.embeddings;
        let job = Job {
            kept: run.job.kept,
            tile_rows: run.job.tile_rows,
            ..Job::new(embeddings.dim(), embeddings.dtype(), embeddings.rows(), views)
        };
        let tiling = run.backend.tiling(&job)?;
        // the first pass has refused or counted the non-finite rows
        let pass = Pass { run, stage: Stage::Means, job: &job, tiling, nonfinite: Nonfinite::Skip, sizes: None };
        pass.run(DistanceSinks::default())
    }

    /// Statistics derived from the distances to the means over all rows.
    pub(super) fn statistics(&self, run: &Evaluation<'_>, around: Vec<ClusterSums>) -> Vec<MeanStatistics> {
        let around = around.into_iter().map(ClusterSums::into_clusters);
        around.enumerate().map(|(level, around)| self.level_statistics(run, level, around)).collect()
    }

    fn level_statistics(&self, run: &Evaluation<'_>, level: usize, around_mean: Vec<Sums>) -> MeanStatistics {
        let means = &self.levels[level];
        let full = |cluster: usize| around_mean[cluster].size > 0;
        let from_centre = |cluster: usize| match full(cluster) {
            true => squared(means.row(cluster).iter(), &self.mean[level]),
            false => f64::NAN,
        };
        let index = run.levels[level];
        let above = run.hierarchy.above(index).filter(|_| run.levels.get(level + 1) == Some(&(index + 1)));
        let mut centroid = vec![0.0; run.embeddings.dim()];
        let mut from_parent = |cluster: usize, above: &crate::formats::hierarchy::Level| {
            if !full(cluster) {
                return f64::NAN;
            }
            above.centroids.view().copy_row(above.parent[cluster] as usize, &mut centroid);
            squared(means.row(cluster).iter(), &centroid)
        };
        let clusters = 0..means.nrows();
        let from_parent = above.map_or(Vec::new(), |above| clusters.clone().map(|c| from_parent(c, above)).collect());
        MeanStatistics { from_centre: clusters.map(from_centre).collect(), from_parent, around_mean }
    }
}

/// For each of the `clusters` clusters of a level, its ancestor after going up `levels`.
fn ancestors(run: &Evaluation<'_>, clusters: usize, levels: std::ops::RangeInclusive<usize>) -> Vec<u32> {
    let mut ancestors: Vec<u32> = (0..).take(clusters).collect();
    for level in levels {
        ancestors = run.hierarchy.levels[level].parents_of(&ancestors);
    }
    ancestors
}

/// Squared distance in float64.
fn squared<'a>(a: impl Iterator<Item = &'a f64>, b: &[f64]) -> f64 {
    a.zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}
