//! The k-means steps of a level. The first step clusters all points, or on level 1 those that the user chose; each later one a
//! sample drawn from the previous clusters.

use std::path::{Path, PathBuf};

use ndarray::Array2;

use super::build::{Build, BuiltLevel, Level};
use super::random::path_seed;
use super::record::KmeansStep;
use super::resample::resample;
use super::stage_times::StageTimes;
use super::words::Words;
use super::{Assigned, Checkpoint, Fit, Fitted, Init, Start, assign, choose_start, rounding};
use crate::base::error::{Error, Finding, Result};
use crate::base::numeric::as_real;
use crate::engine::points::{Picked, Points, Stretch};
use crate::engine::progress::Progress;
use crate::engine::resident_points::ResidentPoints;
use crate::engine::share::Shard;
use crate::formats::hierarchy_writer::{self, Step};
use crate::formats::pickle::Clusters;

/// Runs the k-means steps of one level.
pub(super) struct Steps<'a> {
    pub(super) build: &'a Build<'a>,
    pub(super) level: &'a Level,
    /// Number of the level, from 1.
    pub(super) number: u32,
    /// All points of the level.
    pub(super) points: &'a dyn Points,
    /// Folder of the steps' folders.
    pub(super) folder: PathBuf,
}

impl Steps<'_> {
    /// Runs all steps that an earlier run has not finished.
    pub(super) fn run(&self) -> Result<BuiltLevel> {
        let Build { backend, communicator, .. } = *self.build;
        let share = share_of(self.points, communicator.rank(), communicator.size());
        // all steps of a level read the same points, so a device may keep them
        let share = ResidentPoints::new(&share, backend, 1);
        let mut last: Option<BuiltLevel> = None;
        for step in 0..self.level.steps {
            let folder = hierarchy_writer::step_folder(&self.folder, step);
            last = Some(match self.build.read_earlier(&folder, self.build.is_done(self.number, step))? {
                Some(earlier) => {
                    // a run killed right after reporting the step leaves its checkpoints
                    if self.build.communicator.rank() == 0 {
                        hierarchy_writer::discard_checkpoints(&folder);
                    }
                    earlier
                }
                None => self.step(step, &folder, &share, last.as_ref())?,
            });
        }
        if self.build.communicator.rank() == 0 {
            hierarchy_writer::link_level(&self.folder, self.level.steps.saturating_sub(1))?;
        }
        last.ok_or_else(|| Error::usage(Finding::new("a level has no steps").level(self.number)))
    }

    /// Runs one step. `share` holds this process's points of the level.
    fn step(&self, step: u32, folder: &Path, share: &dyn Points, last: Option<&BuiltLevel>) -> Result<BuiltLevel> {
        let Build { communicator, report, .. } = *self.build;
        let sample = self.sample(step, last);
        let count = sample.as_ref().map_or(self.points.len(), |sample| sample.len() as u64);
        let start = self.start(step, count);
        let times = StageTimes::new(self.build.watch);
        let (before, exchanged) = (self.build.backend.traffic(), communicator.exchanged());
        let picked = sample.as_deref().map(|positions| Picked { of: self.points, positions });
        let picked = picked.as_ref().map(|picked| share_of(picked, communicator.rank(), communicator.size()));
        let fitted_points: &dyn Points = picked.as_ref().map_or(share, |picked| picked);
        let mut fitted = self.fit(step, fitted_points, folder, &times)?;
        // the objective of a sample, in proportion to all points
        let objective = fitted.objectives.last().map_or(0.0, |sum| sum / as_real(count) * as_real(self.points.len()));
        let exact = std::mem::take(&mut fitted.centroids);
        let centroids = rounding::round_to(&exact, self.build.stored);
        let assigned = self.assign(share, &centroids, &times)?;
        if communicator.rank() == 0 {
            rounding::check(self.number, &exact, &centroids, &assigned, objective, self.build.rounded_to(self.number))?;
        }
        let seconds = ["k-means++", "k-means", "assign"].map(|stage| times.seconds(stage));
        let mut bytes = Vec::new();
        if communicator.rank() == 0 {
            let clusters = hierarchy_writer::group(&assigned.labels, centroids.nrows());
            let sorted = hierarchy_writer::sort_by_distance(clusters.clone(), &assigned.squared);
            let written = Step {
                centroids: centroids.view(),
                stored: self.build.stored,
                labels: &assigned.labels,
                clusters: &clusters,
                sorted: &sorted,
                sampled: sample.as_deref(),
            };
            hierarchy_writer::write_step(folder, &written)?;
            let counters = self.build.backend.traffic().zip(before).map(|(now, before)| now.since(before));
            if let Some(counters) = counters {
                tracing::info!("level {}, step {step}: device counters: {counters}", self.number);
            }
            let exchanged = (communicator.size() > 1).then(|| communicator.exchanged().since(exchanged));
            report(KmeansStep {
                counters,
                exchanged,
                ..self.record(step, (count, start), fitted, &sorted, &assigned, seconds)
            })?;
            hierarchy_writer::discard_checkpoints(folder);
            if communicator.size() == 1 {
                return Ok(BuiltLevel { centroids, sorted });
            }
            bytes = Words::of_clusters(&sorted).into_bytes();
        }
        communicator.broadcast(&mut bytes)?;
        Ok(BuiltLevel { centroids, sorted: Words::from_bytes(&bytes).clusters() })
    }

    /// Positions (ascending) of the points that a step clusters; `None` for all points.
    fn sample(&self, step: u32, last: Option<&BuiltLevel>) -> Option<Vec<u64>> {
        let Build { strategy, seed, fitted, .. } = *self.build;
        match last {
            Some(last) => {
                let path = [seed, self.number.into(), step.into()];
                Some(resample(&last.sorted, self.level.sample_size, strategy, &path))
            }
            None => fitted.filter(|_| self.number == 1).map(<[u64]>::to_vec),
        }
    }

    /// How a step chooses its first centroids, which is logged where `auto` departs from k-means++.
    fn start(&self, step: u32, count: u64) -> Start {
        let Level { clusters, iterations, .. } = *self.level;
        let number = self.number;
        tracing::info!("level {number}, step {step}: {clusters} clusters, {count} points");
        let start = choose_start(self.build.init, count, clusters, self.points.dim(), iterations);
        if let (Some(why), true) = (&start.why, start.init != Init::KmeansPlusPlus) {
            tracing::info!("level {number}, step {step}: {} start: {why}", start.init.name());
        }
        start
    }

    /// The checkpoint of this process.
    fn checkpoint(&self, step: u32, folder: &Path) -> Option<Checkpoint> {
        self.build.checkpoint.as_ref().map(|(every, identity)| Checkpoint {
            path: folder.join(format!("checkpoint-{}.part", self.build.communicator.rank())),
            every: *every,
            identity: format!("{identity} level {} step {step}", self.number),
        })
    }

    /// Fits centroids to `points`: this process's share of the level's points, or of a sample of them.
    fn fit(&self, step: u32, points: &dyn Points, folder: &Path, watch: &dyn Progress) -> Result<Fitted> {
        let Build { backend, communicator, .. } = *self.build;
        let checkpoint = self.checkpoint(step, folder);
        if checkpoint.is_some() {
            let cannot = |e| Error::io("can't create a folder of the clustering", folder, &e);
            std::fs::create_dir_all(folder).map_err(cannot)?;
        }
        let fit = Fit {
            points,
            backend,
            clusters: self.level.clusters,
            iterations: self.level.iterations,
            tolerance: self.build.tolerance,
            spherical: self.build.spherical,
            init: self.build.init,
            inits: self.build.inits,
            seed: path_seed(&[self.build.seed, self.number.into(), step.into()]),
            communicator,
            watch,
            checkpoint,
        };
        fit.run()
    }

    /// Assigns every point of the level to its nearest centroid. `share` holds this process's points. Rank 0 gets the whole
    /// assignment, the others an empty one.
    fn assign(&self, share: &dyn Points, centroids: &Array2<f64>, watch: &dyn Progress) -> Result<Assigned> {
        let Build { backend, communicator, .. } = *self.build;
        let own = assign(share, backend, centroids, watch)?;
        if communicator.size() == 1 {
            return Ok(own);
        }
        let shares = communicator.gather(Words::of_assigned(&own).into_bytes())?;
        let mut all = Assigned::default();
        shares.iter().for_each(|share| Words::from_bytes(share).assigned(&mut all));
        Ok(all)
    }

    fn record(
        &self,
        step: u32,
        (count, start): (u64, Start),
        fitted: Fitted,
        sorted: &Clusters,
        assigned: &Assigned,
        seconds: [f64; 3],
    ) -> KmeansStep {
        KmeansStep {
            level: self.number,
            step,
            points: self.points.len(),
            fitted: count,
            init: Some(start.init),
            init_reason: start.why,
            clusters: sorted.len() as u64,
            empty_clusters: sorted.iter().filter(|members| members.is_empty()).count() as u64,
            distinct_points: fitted.distinct,
            objectives: fitted.objectives.iter().map(|sum| sum / as_real(count)).collect(),
            moved: fitted.moved,
            searched: fitted.searched,
            converged: fitted.converged,
            mean_squared_distance: assigned.squared.iter().sum::<f64>() / as_real(self.points.len()),
            counters: None,
            exchanged: None,
            seconds,
        }
    }
}

/// One process's share of the points. Shares are nearly equal ranges.
pub(super) fn share_of(points: &dyn Points, rank: usize, size: usize) -> Stretch<'_> {
    let shard = Shard { index: rank as u64 + 1, of: size as u64 };
    Stretch { of: points, range: shard.rows(points.len()) }
}
