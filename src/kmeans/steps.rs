//! One k-means of a level after the other: the first on all points, each later one on a sample that the one before decides.

use std::path::{Path, PathBuf};

use ndarray::Array2;

use super::levels::{Build, Level};
use super::random::seed_of;
use super::resample::resample;
use super::stages::Stages;
use super::words::Words;
use super::{Assigned, Checkpoint, Fit, Fitted, assign};
use crate::base::error::{Error, Finding, Result};
use crate::base::matrix::Dtype;
use crate::base::numeric::{as_real, to_f32};
use crate::engine::points::{Picked, Points, Stretch};
use crate::engine::progress::Progress;
use crate::engine::share::Shard;
use crate::formats::clustering::{self, Step};
use crate::formats::pickle::Clusters;
use crate::kmeans::record::KmeansStep;

/// The k-means of one level.
pub(super) struct Steps<'a> {
    pub(super) build: &'a Build<'a>,
    pub(super) level: &'a Level,
    /// Which level, from 1 on.
    pub(super) number: u32,
    /// All points of the level.
    pub(super) points: &'a dyn Points,
    /// Where the folders of the steps go.
    pub(super) folder: PathBuf,
}

/// What is known once a step is done.
pub(super) struct Done {
    /// As stored: rounded to what the file holds.
    pub(super) centroids: Array2<f64>,
    /// Members of each cluster, those nearest to the centroid first.
    pub(super) sorted: Clusters,
}

impl Steps<'_> {
    /// All steps, or those that an earlier run has left.
    pub(super) fn run(&self) -> Result<Done> {
        let mut last: Option<Done> = None;
        for step in 0..self.level.steps {
            let folder = clustering::step_folder(&self.folder, step);
            last = Some(match self.build.earlier(&folder, self.build.is_done(self.number, step))? {
                Some(done) => done,
                None => self.step(step, &folder, last.as_ref())?,
            });
        }
        if self.build.communicator.rank() == 0 {
            clustering::link_level(&self.folder, self.level.steps.saturating_sub(1))?;
        }
        last.ok_or_else(|| Error::usage(Finding::new("a level has no steps").level(self.number)))
    }

    fn step(&self, step: u32, folder: &Path, last: Option<&Done>) -> Result<Done> {
        let Build { communicator, strategy, seed, report, .. } = *self.build;
        let path = [seed, self.number.into(), step.into()];
        let sample = last.map(|last| resample(&last.sorted, self.level.sample_size, strategy, &path));
        tracing::info!(
            "level {}, step {step}: {} clusters of {} points",
            self.number,
            self.level.clusters,
            sample.as_ref().map_or(self.points.len(), |sample| sample.len() as u64)
        );
        let stages = Stages::of(self.build.watch);
        let mut fitted = self.fit(step, sample.as_deref(), folder, &stages)?;
        let centroids = stored(std::mem::take(&mut fitted.centroids), self.build.stored);
        let assigned = self.assign(&centroids, &stages)?;
        let seconds = ["k-means++", "k-means", "assign"].map(|stage| stages.seconds(stage));
        let mut bytes = Vec::new();
        if communicator.rank() == 0 {
            let clusters = clustering::group(&assigned.labels, centroids.nrows());
            let sorted = clustering::sort_by_distance(clusters.clone(), &assigned.squared);
            let written = Step {
                centroids: centroids.view(),
                stored: self.build.stored,
                labels: &assigned.labels,
                clusters: &clusters,
                sorted: &sorted,
                sampled: sample.as_deref(),
            };
            clustering::write_step(folder, &written)?;
            let sampled = sample.as_ref().map(|sample| sample.len() as u64);
            report(self.record(step, sampled, fitted, &sorted, &assigned, seconds))?;
            clustering::discard_checkpoints(folder);
            if communicator.size() == 1 {
                return Ok(Done { centroids, sorted });
            }
            bytes = Words::of_clusters(&sorted).into_bytes();
        }
        communicator.broadcast(&mut bytes)?;
        Ok(Done { centroids, sorted: Words::from_bytes(&bytes).clusters() })
    }

    /// This member's own.
    fn checkpoint(&self, step: u32, folder: &Path) -> Option<Checkpoint> {
        self.build.checkpoint.as_ref().map(|(every, identity)| Checkpoint {
            path: folder.join(format!("checkpoint-{}.part", self.build.communicator.rank())),
            every: *every,
            identity: format!("{identity} level {} step {step}", self.number),
        })
    }

    /// The centroids of all points of the level or of a sample of them; each member goes over its share.
    fn fit(&self, step: u32, sample: Option<&[u64]>, folder: &Path, watch: &dyn Progress) -> Result<Fitted> {
        let Build { backend, communicator, .. } = *self.build;
        let picked = sample.map(|positions| Picked { of: self.points, positions });
        let points: &dyn Points = picked.as_ref().map_or(self.points, |picked| picked);
        let checkpoint = self.checkpoint(step, folder);
        if checkpoint.is_some() {
            let cannot = |e| Error::io("can't make a folder of the clustering", folder, &e);
            std::fs::create_dir_all(folder).map_err(cannot)?;
        }
        let fit = Fit {
            points: &share_of(points, communicator.rank(), communicator.size()),
            backend,
            clusters: self.level.clusters,
            iterations: self.level.iterations,
            tolerance: self.build.tolerance,
            init: self.build.init,
            inits: self.build.inits,
            seed: seed_of(&[self.build.seed, self.number.into(), step.into()]),
            communicator,
            watch,
            checkpoint,
        };
        fit.run()
    }

    /// The nearest of `centroids` for every point of the level; the first member gets all, the others nothing.
    fn assign(&self, centroids: &Array2<f64>, watch: &dyn Progress) -> Result<Assigned> {
        let Build { backend, communicator, .. } = *self.build;
        let share = share_of(self.points, communicator.rank(), communicator.size());
        let mine = assign(&share, backend, centroids, watch)?;
        if communicator.size() == 1 {
            return Ok(mine);
        }
        let shares = communicator.gather(Words::of_assigned(&mine).into_bytes())?;
        let mut all = Assigned::default();
        shares.iter().for_each(|share| Words::from_bytes(share).assigned(&mut all));
        Ok(all)
    }

    fn record(
        &self,
        step: u32,
        sampled: Option<u64>,
        found: Fitted,
        sorted: &Clusters,
        assigned: &Assigned,
        seconds: [f64; 3],
    ) -> KmeansStep {
        let fitted = sampled.unwrap_or(self.points.len());
        KmeansStep {
            level: self.number,
            step,
            points: self.points.len(),
            fitted,
            clusters: sorted.len() as u64,
            empty_clusters: sorted.iter().filter(|members| members.is_empty()).count() as u64,
            distinct_points: found.distinct,
            objectives: found.objectives.iter().map(|sum| sum / as_real(fitted)).collect(),
            moved: found.moved,
            converged: found.converged,
            mean_squared_distance: assigned.squared.iter().sum::<f64>() / as_real(self.points.len()),
            seconds,
        }
    }
}

/// One member's share of some points: nearly equal ranges.
pub(super) fn share_of(points: &dyn Points, rank: usize, size: usize) -> Stretch<'_> {
    let shard = Shard { index: rank as u64 + 1, of: size as u64 };
    Stretch { of: points, range: shard.rows(points.len()) }
}

/// Centroids as the file will have them, so that what is assigned by them is what a reader of the file finds.
pub(super) fn stored(mut centroids: Array2<f64>, dtype: Dtype) -> Array2<f64> {
    if dtype == Dtype::F32 {
        centroids.mapv_inplace(|value| f64::from(to_f32(value)));
    }
    centroids
}
