//! The main loop: everything that is known of each level, from as few passes over the embeddings as it takes.
//!
//! The first pass reads the embeddings once for all levels: own distances and, where they are wanted, the nearest
//! centroids and the sums of the points. What compares clusters follows from centroids alone; sums around the means take
//! a second pass; exact silhouettes compare the points with each other.

mod means;
mod neighbours;
mod order;
mod pass;
mod queue;
mod silhouette;

use std::time::Instant;

use crate::backend::{Backend, Job, Tiling};
use crate::error::Result;
use crate::facts::{LevelFacts, Parents};
use crate::input::embeddings::Embeddings;
use crate::input::hierarchy::Hierarchy;
use crate::partials::{ClusterSums, Sums};
use means::Means;
use pass::{Pass, Passed};

pub use silhouette::Sampling;

/// What to do with rows that hold a NaN or an infinity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, clap::ValueEnum)]
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
    /// Indices (0-based) of the levels to evaluate, ascending.
    pub levels: &'a [usize],
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
    pub watch: &'a dyn Watch,
}

/// Where every row's distances go: one entry per evaluated level, or none where they are not wanted.
#[derive(Default)]
pub struct DistanceSinks<'a> {
    /// Distance to the own centroid, `[n]`; NaN without a label.
    pub own: Vec<&'a mut [f32]>,
    /// Distances to all centroids, `[n, k]`.
    pub all: Vec<&'a mut [f32]>,
}

/// Hears of progress, and may stop the run.
pub trait Watch: Sync {
    /// A stage of `total` units begins, each of `unit_bytes` bytes of embeddings (0 where that says nothing). It is over
    /// when what is returned is dropped.
    fn begin(&self, stage: &'static str, total: u64, unit_bytes: u64) -> Box<dyn StageWatch + '_>;
    /// Whether the run is to stop.
    fn cancelled(&self) -> bool;
}

/// Hears of one stage's progress.
pub trait StageWatch: Sync {
    /// So many more units are done.
    fn advance(&self, units: u64);
}

/// How long a stage took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StageTime {
    /// `evaluate` for the first pass, `evaluate.read` and `evaluate.compute` added up over its lanes, `means`,
    /// `neighbours`, `mean_neighbours`, `silhouette`.
    pub name: &'static str,
    /// Wall seconds, or lane seconds.
    pub seconds: f64,
    /// Whether it went over all rows of the embeddings.
    pub over_rows: bool,
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluated {
    /// One entry per evaluated level.
    pub levels: Vec<LevelFacts>,
    /// Rows left out because they hold a NaN or an infinity.
    pub skipped: u64,
    /// The first few of them.
    pub first_skipped: Vec<u64>,
    /// In the order of the work.
    pub stages: Vec<StageTime>,
}

impl<'a> Evaluation<'a> {
    /// Finds everything out. The bits depend on input, device and tile sizes, not on timing.
    pub fn run(&self, sinks: DistanceSinks<'_>) -> Result<Evaluated> {
        let mut clock = Clock::start();
        let mut passed = self.first_pass(sinks)?;
        clock.lap("evaluate", true);
        clock.add("evaluate.read", passed.read_seconds);
        clock.add("evaluate.compute", passed.compute_seconds);
        let points = passed.points.take();
        let mut levels = self.level_facts(&mut passed);

        if self.wanted.neighbours {
            for (&index, facts) in self.levels.iter().zip(&mut levels) {
                let centroids = self.hierarchy.levels[index].centroids.view();
                facts.neighbours = Some(neighbours::among(self, centroids, &facts.clusters)?);
            }
            clock.lap("neighbours", false);
        }
        if let Some(points) = points.filter(|_| self.wanted.means) {
            let means = Means::new(self, points, &levels)?;
            for (facts, found) in levels.iter_mut().zip(means.facts(self)?) {
                facts.means = Some(found);
            }
            clock.lap("means", true);
            if self.wanted.mean_neighbours {
                for (level, facts) in levels.iter_mut().enumerate() {
                    let around = facts.means.as_ref().map_or(&[][..], |means| &means.around_mean);
                    facts.mean_neighbours = Some(neighbours::among(self, means.view(level), around)?);
                }
                clock.lap("mean_neighbours", false);
            }
        }
        if let Some(sampling) = self.wanted.silhouette {
            for (facts, found) in levels.iter_mut().zip(silhouette::of_levels(self, sampling, &passed.skipped)?) {
                facts.silhouette = Some(found);
            }
            clock.lap("silhouette", false);
        }
        let skipped = passed.skipped.len() as u64;
        passed.skipped.truncate(pass::NAMED_ROWS);
        Ok(Evaluated { levels, skipped, first_skipped: passed.skipped, stages: clock.stages })
    }

    fn first_pass(&self, sinks: DistanceSinks<'_>) -> Result<Passed> {
        let passed = self.pass("distances", self.job, self.tiling, self.nonfinite, sinks)?;
        let emptied = |(searched, sums): (&Vec<u32>, &ClusterSums)| {
            searched.iter().any(|&cluster| sums.clusters()[cluster as usize].size == 0)
        };
        if !self.job.searched.iter().zip(&passed.sums).any(emptied) {
            return Ok(passed);
        }
        // clusters that lost all their rows to NaN are as empty as others: search once more, without them
        let left = |(searched, sums): (&Vec<u32>, &ClusterSums)| {
            searched.iter().copied().filter(|&cluster| sums.clusters()[cluster as usize].size > 0).collect()
        };
        let views = self.levels.iter().map(|&level| self.hierarchy.levels[level].centroids.view()).collect();
        let job = Job {
            tile_rows: self.job.tile_rows,
            keep_rows: true,
            centre: self.job.centre.clone(),
            searched: self.job.searched.iter().zip(&passed.sums).map(left).collect(),
            sums: self.job.sums,
            ..Job::new(self.job.dim, self.job.dtype, self.job.rows, views)
        };
        self.pass("distances", &job, self.tiling, self.nonfinite, DistanceSinks::default())
    }

    /// One pass over all rows.
    fn pass<'j>(
        &self,
        stage: &'static str,
        job: &'j Job<'j>,
        tiling: Tiling,
        nonfinite: Nonfinite,
        sinks: DistanceSinks<'_>,
    ) -> Result<Passed>
    where
        'a: 'j,
    {
        let progress = self.watch.begin(stage, self.embeddings.rows(), self.embeddings.row_bytes() as u64);
        let pass = Pass {
            embeddings: self.embeddings,
            hierarchy: self.hierarchy,
            levels: self.levels,
            backend: self.backend,
            job,
            tiling,
            nonfinite,
            watch: self.watch,
            progress: progress.as_ref(),
        };
        pass.run(sinks)
    }

    /// Each level's sums, with those of the level above where it is evaluated too.
    fn level_facts(&self, passed: &mut Passed) -> Vec<LevelFacts> {
        let sums: Vec<Vec<Sums>> = passed.sums.drain(..).map(ClusterSums::into_clusters).collect();
        let of_level = |(at, &index): (usize, &usize)| LevelFacts {
            searched: !self.job.searched.is_empty(),
            parents: (self.levels.get(at + 1) == Some(&(index + 1))).then(|| Parents {
                of: self.hierarchy.levels[index + 1].parent.clone(),
                clusters: sums[at + 1].clone(),
            }),
            ..LevelFacts::of_sums(self.hierarchy.levels[index].number, sums[at].clone())
        };
        self.levels.iter().enumerate().map(of_level).collect()
    }
}

/// Times the stages.
struct Clock {
    last: Instant,
    stages: Vec<StageTime>,
}

impl Clock {
    fn start() -> Self {
        Clock { last: Instant::now(), stages: Vec::new() }
    }

    /// A stage is over.
    fn lap(&mut self, name: &'static str, over_rows: bool) {
        let seconds = self.last.elapsed().as_secs_f64();
        self.last = Instant::now();
        self.stages.push(StageTime { name, seconds, over_rows });
    }

    /// A part of the stage before.
    fn add(&mut self, name: &'static str, seconds: f64) {
        self.stages.push(StageTime { name, seconds, over_rows: true });
    }
}
