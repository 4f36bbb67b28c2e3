//! The main loop: everything that is known of each level, from as few passes over the embeddings as it takes.
//!
//! The first round is one pass over the embeddings for all levels: own distances and, where they are wanted, the nearest
//! centroids and the sums of the points. The second round needs what the first found over all rows: sums around the means
//! take another pass, exact silhouettes compare the points with each other. Both go over a range of the rows, so that
//! several processes can share them, and what they find adds up. What compares clusters follows from that and from the
//! centroids alone.

mod clock;
mod known;
mod labels;
mod means;
mod neighbours;
mod order;
mod pass;
mod queue;
mod silhouette;

use std::ops::Range;

use crate::backend::{Backend, Job, Tiling};
use crate::base::error::Result;
use crate::base::numeric::to_usize;
use crate::engine::checkpoint::{CheckpointStore, Stage};
use crate::engine::partials::RowSums;
use crate::engine::progress::Progress;
use crate::formats::embeddings::Embeddings;
use crate::formats::hierarchy::Hierarchy;
use crate::formats::labels::Labels;
use crate::metrics::level_statistics::{LabelStatistics, LevelStatistics};
use pass::Pass;

pub use clock::{Clock, StageTime};
pub use known::{FirstRound, SecondRound};
pub use labels::contingency;
pub use silhouette::Sampling;

/// What to do with rows that hold a NaN or an infinity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Nonfinite {
    /// Refuse the embeddings.
    #[default]
    Refuse,
    /// Leave those rows out of every figure and say so.
    Skip,
}

/// What to find out beyond the sums of own distances; what the first pass is to find is in the [`Job`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Neighbours among the stored centroids.
    pub neighbours: bool,
    /// The true means, and sums around them. The job must ask for sums.
    pub means: bool,
    /// Neighbours among the means; needs the means.
    pub mean_neighbours: bool,
    /// Silhouettes.
    pub silhouette: Option<Sampling>,
}

/// Everything the main loop needs.
pub struct Evaluation<'a> {
    /// The rows.
    pub embeddings: &'a Embeddings,
    /// The labels and the stored centroids.
    pub hierarchy: &'a Hierarchy,
    /// What the user says the rows are.
    pub labels: Option<&'a Labels>,
    /// Indices (0-based) of the levels to evaluate, ascending.
    pub levels: &'a [usize],
    /// The rows that this process goes over.
    pub rows: Range<u64>,
    /// The device.
    pub backend: &'a dyn Backend,
    /// What the device was told to do in the first pass.
    pub job: &'a Job<'a>,
    /// How the device wants the rows of the first pass cut.
    pub tiling: Tiling,
    /// What to do with NaN and infinities.
    pub nonfinite: Nonfinite,
    /// What to find out beyond the first pass.
    pub wanted: Wanted,
    /// Who hears of progress, and may stop the run.
    pub watch: &'a dyn Progress,
    /// Who keeps what is found.
    pub checkpoints: &'a dyn CheckpointStore,
    /// Times the stages.
    pub clock: Clock,
}

/// Where the distances of this process's rows go: one entry per evaluated level, or none where they are not wanted.
#[derive(Default)]
pub struct DistanceSinks<'a> {
    /// Distance to the own centroid, `[n]`; NaN without a label.
    pub own: Vec<&'a mut [f32]>,
    /// Distances to all centroids, `[n, k]`.
    pub all: Vec<&'a mut [f32]>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluated {
    /// One entry per evaluated level.
    pub levels: Vec<LevelStatistics>,
    /// Rows left out because they hold a NaN or an infinity.
    pub skipped: u64,
    /// The first few of them.
    pub first_skipped: Vec<u64>,
}

impl DistanceSinks<'_> {
    /// Without the first `done` of `rows` rows.
    fn skip(&mut self, done: u64, rows: u64) {
        for sink in self.own.iter_mut().chain(&mut self.all) {
            let per_row = sink.len() as u64 / rows.max(1);
            // no more than the buffer is long
            let at = to_usize(done * per_row);
            *sink = std::mem::take(sink).split_at_mut(at).1;
        }
    }
}

impl<'a> Evaluation<'a> {
    /// Finds everything out, where this process goes over all rows. The bits depend on input, device and tile sizes, not
    /// on timing.
    pub fn run(&self, sinks: DistanceSinks<'_>) -> Result<Evaluated> {
        let known = self.known(self.first(sinks)?)?;
        let second = self.second(&known)?;
        self.finish(known, second)
    }

    /// The first round over this process's rows.
    pub fn first(&self, sinks: DistanceSinks<'_>) -> Result<RowSums> {
        self.pass(Stage::Distances, self.job, self.tiling, self.nonfinite, sinks)
    }

    /// What is known when the first round is over for all rows.
    pub fn known(&self, first: RowSums) -> Result<FirstRound> {
        FirstRound::new(self, first)
    }

    /// What the second round has to do.
    pub fn second_stages(&self, known: &FirstRound) -> Vec<Stage> {
        let wanted = [
            (Stage::Search, known.emptied()),
            (Stage::Means, known.means().is_some()),
            (Stage::Silhouette, self.wanted.silhouette.is_some()),
        ];
        wanted.into_iter().filter(|(_, wanted)| *wanted).map(|(stage, _)| stage).collect()
    }

    /// The second round over this process's rows; nothing of it is done where nothing is wanted.
    pub fn second(&self, known: &FirstRound) -> Result<SecondRound> {
        let search = match known.emptied() {
            true => Some(self.search_again(known)?),
            false => None,
        };
        let around = match known.means() {
            Some(means) => Some(means.around(self)?),
            None => None,
        };
        let outer = match self.wanted.silhouette {
            Some(sampling) => Some(silhouette::of_share(self, sampling, known.skipped())?),
            None => None,
        };
        Ok(SecondRound { search, around, outer })
    }

    /// What follows from both rounds over all rows.
    pub fn finish(&self, mut known: FirstRound, second: SecondRound) -> Result<Evaluated> {
        known.searched_again(second.search);
        if self.wanted.neighbours {
            let started = self.clock.start();
            for (&index, facts) in self.levels.iter().zip(&mut known.levels) {
                let centroids = self.hierarchy.levels[index].centroids.view();
                facts.neighbours = Some(neighbours::among(self, centroids, &facts.clusters)?);
            }
            self.clock.stop("neighbours", started, false);
        }
        if let (Some(means), Some(around)) = (known.take_means(), second.around) {
            for (facts, found) in known.levels.iter_mut().zip(means.facts(self, around.sums)) {
                facts.means = Some(found);
            }
            if self.wanted.mean_neighbours {
                let started = self.clock.start();
                for (level, facts) in known.levels.iter_mut().enumerate() {
                    let around = facts.means.as_ref().map_or(&[][..], |means| &means.around_mean);
                    facts.mean_neighbours = Some(neighbours::among(self, means.view(level), around)?);
                }
                self.clock.stop("mean_neighbours", started, false);
            }
        }
        if let (Some(sampling), Some(outer)) = (self.wanted.silhouette, second.outer) {
            let found = silhouette::of_levels(self, sampling, known.skipped(), &outer)?;
            for (facts, found) in known.levels.iter_mut().zip(found) {
                facts.silhouette = Some(found);
            }
        }
        if let Some(labels) = self.labels {
            let started = self.clock.start();
            for at in 0..self.levels.len() {
                let (level, distinct) = (self.levels[at], labels.distinct);
                let table = contingency(self.hierarchy, level, &labels.of_rows, distinct, known.skipped());
                known.levels[at].labels = Some(LabelStatistics { table, names: labels::names(labels) });
            }
            self.clock.stop("labels", started, false);
        }
        Ok(known.into_evaluated())
    }

    /// Clusters that lost all their rows to NaN are as empty as others: searches once more, without them.
    fn search_again(&self, known: &FirstRound) -> Result<RowSums> {
        let left = |(searched, level): (&Vec<u32>, &LevelStatistics)| {
            searched.iter().copied().filter(|&cluster| level.clusters[cluster as usize].size > 0).collect()
        };
        let views = self.levels.iter().map(|&level| self.hierarchy.levels[level].centroids.view()).collect();
        let job = Job {
            tile_rows: self.job.tile_rows,
            keep_rows: true,
            centre: self.job.centre.clone(),
            searched: self.job.searched.iter().zip(&known.levels).map(left).collect(),
            ..Job::new(self.job.dim, self.job.dtype, self.job.rows, views)
        };
        self.pass(Stage::Search, &job, self.tiling, Nonfinite::Skip, DistanceSinks::default())
    }

    /// One pass over this process's rows.
    fn pass<'j>(
        &self,
        stage: Stage,
        job: &'j Job<'j>,
        tiling: Tiling,
        nonfinite: Nonfinite,
        sinks: DistanceSinks<'_>,
    ) -> Result<RowSums>
    where
        'a: 'j,
    {
        let rows = self.rows.end - self.rows.start;
        let progress = self.watch.begin(stage.name(), rows, self.embeddings.row_bytes() as u64);
        let pass = Pass {
            embeddings: self.embeddings,
            hierarchy: self.hierarchy,
            levels: self.levels,
            rows: self.rows.clone(),
            backend: self.backend,
            job,
            tiling,
            nonfinite,
            watch: self.watch,
            progress: progress.as_ref(),
            checkpoints: self.checkpoints,
            stage,
        };
        let started = self.clock.start();
        let passed = pass.run(sinks)?;
        let name = if stage == Stage::Distances { "evaluate" } else { stage.name() };
        self.clock.stop(name, started, true);
        if stage == Stage::Distances {
            self.clock.add("evaluate.read", passed.read_seconds);
            self.clock.add("evaluate.compute", passed.compute_seconds);
        }
        Ok(passed.found)
    }
}
