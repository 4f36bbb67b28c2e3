//! The main loop: first round, second round, and what follows from both.

use super::clock::Clock;
use super::evaluation::{Evaluation, Nonfinite, Sampling};
use super::means::Means;
use super::pass::Pass;
use super::rounds::{Evaluated, FirstRound, SecondRound};
use super::sinks::DistanceSinks;
use super::{cosine, labels, neighbours, silhouette};
use crate::backend::Job;
use crate::base::error::Result;
use crate::engine::checkpoint_store::{Chain, Stage};
use crate::engine::partials::{ClusterSums, OuterSums, RowSums};
use crate::metrics::level_statistics::{LabelStatistics, LevelStatistics};

impl<'a> Evaluation<'a> {
    /// The same evaluation of the levels of one chain alone.
    fn of_chain(&self, chain: &std::ops::Range<usize>) -> Evaluation<'a> {
        Evaluation { levels: &self.levels[chain.clone()], rows: self.rows.clone(), clock: Clock::default(), ..*self }
    }
}

impl Evaluation<'_> {
    /// Evaluates all levels, if this process has all rows. The bits depend on input, device and tile sizes, not on timing.
    ///
    /// # Errors
    /// `Input` for non-finite rows that are refused; `Paused` if the run was asked to stop and a checkpoint was stored;
    /// errors of the disk and the device.
    pub fn run(&self, mut sinks: DistanceSinks<'_>) -> Result<Evaluated> {
        let first = self.first_round(self.first(&mut sinks)?)?;
        let second = self.second(&first, &mut sinks)?;
        self.finish(first, second, &mut sinks)
    }

    /// The first round over this process's rows.
    ///
    /// # Errors
    /// As [`Evaluation::run`].
    pub fn first(&self, sinks: &mut DistanceSinks<'_>) -> Result<RowSums> {
        let pass = Pass {
            run: self,
            stage: Stage::Distances,
            job: self.job,
            tiling: self.tiling,
            nonfinite: self.nonfinite,
            sizes: None,
        };
        pass.run(sinks.of_first())
    }

    /// Derives the results of the first round from the sums over all rows.
    ///
    /// # Errors
    /// `Failed` if the means do not fit into memory.
    pub fn first_round(&self, first: RowSums) -> Result<FirstRound> {
        FirstRound::new(self, first)
    }

    /// Stages of the second round.
    pub fn second_stages(&self, first: &FirstRound) -> Vec<Stage> {
        let wanted = |stage: &Stage| match stage {
            Stage::Distances => false,
            Stage::Search => first.emptied(),
            Stage::Means => self.measured_means(first).is_some(),
            Stage::Silhouette(_) => self.wanted.silhouette.is_some(),
            Stage::Cosine => self.searched_means(first).is_some(),
        };
        let silhouettes = Chain::all().map(Stage::Silhouette).take(self.chains().len());
        let stages = [Stage::Search, Stage::Means].into_iter().chain(silhouettes).chain([Stage::Cosine]);
        stages.filter(wanted).collect()
    }

    /// The means to which distances are measured in a second pass. Those to the centroids are known.
    fn measured_means<'f>(&self, first: &'f FirstRound) -> Option<&'f Means> {
        first.means().filter(|means| self.wanted.means && !means.are_centroids())
    }

    /// The means among which the cosine silhouettes search.
    fn searched_means<'f>(&self, first: &'f FirstRound) -> Option<&'f Means> {
        first.means().filter(|_| self.wanted.cosine)
    }

    /// The second round over this process's rows. Stages that are not wanted are skipped. A repeated search replaces what the
    /// first one wrote to the `sinks`.
    ///
    /// # Errors
    /// As [`Evaluation::run`].
    pub fn second(&self, first: &FirstRound, sinks: &mut DistanceSinks<'_>) -> Result<SecondRound> {
        let search = match first.emptied() {
            true => Some(self.repeat_search(first, sinks)?),
            false => None,
        };
        let around = match self.measured_means(first) {
            Some(means) => Some(means.around(self)?),
            None => None,
        };
        let outer = match self.wanted.silhouette {
            Some(sampling) => self.silhouettes(sampling, first)?,
            None => Vec::new(),
        };
        let cosine = match self.searched_means(first) {
            Some(means) => Some(cosine::silhouettes(self, means, &first.levels)?),
            None => None,
        };
        Ok(SecondRound { search, around, outer, cosine })
    }

    /// Derives the results from both rounds over all rows, and writes the silhouettes to the `sinks`.
    ///
    /// # Errors
    /// Device errors.
    pub fn finish(
        &self,
        mut first: FirstRound,
        second: SecondRound,
        sinks: &mut DistanceSinks<'_>,
    ) -> Result<Evaluated> {
        first.replace_search(second.search);
        if self.wanted.neighbours {
            let started = self.clock.start();
            for (&index, level) in self.levels.iter().zip(&mut first.levels) {
                let centroids = self.hierarchy.levels[index].centroids.view();
                level.neighbours = Some(neighbours::among(self, centroids, &level.clusters)?);
            }
            self.clock.stop("neighbours", started, false);
        }
        self.add_means(&mut first, second.around)?;
        if let Some(sampling) = self.wanted.silhouette {
            for (chain, outer) in self.chains().into_iter().zip(&second.outer) {
                let out = sinks.silhouettes.get_mut(chain.clone()).unwrap_or_default();
                let found = silhouette::of_levels(&self.of_chain(&chain), sampling, first.skipped(), outer, out)?;
                for (level, found) in first.levels[chain].iter_mut().zip(found) {
                    level.silhouette = Some(found);
                }
            }
        }
        for (level, found) in first.levels.iter_mut().zip(second.cosine.into_iter().flat_map(|found| found.sums)) {
            level.cosine = Some(found.into_clusters().iter().map(|sums| sums.simplified_silhouette).collect());
        }
        if let Some(external) = self.labels {
            let started = self.clock.start();
            for at in 0..self.levels.len() {
                let (level, distinct) = (self.levels[at], external.distinct);
                let table = labels::contingency(
                    self.hierarchy,
                    level,
                    &external.of_rows,
                    distinct,
                    first.skipped(),
                    |_, _, _| {},
                );
                first.levels[at].labels = Some(LabelStatistics { table, names: labels::names(external) });
            }
            self.clock.stop("labels", started, false);
        }
        Ok(first.into_evaluated())
    }

    /// Silhouettes of this process's share, chain by chain.
    fn silhouettes(&self, sampling: Sampling, first: &FirstRound) -> Result<Vec<OuterSums>> {
        let of_chain = |(number, chain): (Chain, std::ops::Range<usize>)| {
            let lowest = &first.levels[chain.start].clusters;
            let stage = Stage::Silhouette(number);
            let started = self.clock.start();
            let found = silhouette::of_share(&self.of_chain(&chain), stage, sampling, first.skipped(), lowest)?;
            self.clock.stop(stage.name(), started, false);
            Ok(found)
        };
        Chain::all().zip(self.chains()).map(of_chain).collect()
    }

    fn add_means(&self, first: &mut FirstRound, around: Option<RowSums>) -> Result<()> {
        let Some(means) = first.take_means() else { return Ok(()) };
        let of_level = |level: &LevelStatistics| ClusterSums::of_clusters(level.clusters.clone());
        let around = match around {
            Some(around) => around.sums,
            None if self.wanted.means && means.are_centroids() => first.levels.iter().map(of_level).collect(),
            None => return Ok(()),
        };
        for (level, found) in first.levels.iter_mut().zip(means.statistics(self, around)) {
            level.means = Some(found);
        }
        if self.wanted.mean_neighbours {
            let started = self.clock.start();
            for (index, level) in first.levels.iter_mut().enumerate() {
                let around = level.means.as_ref().map_or(&[][..], |means| &means.around_mean);
                level.mean_neighbours = Some(neighbours::among(self, means.view(index), around)?);
            }
            self.clock.stop("mean_neighbours", started, false);
        }
        Ok(())
    }

    /// Clusters that lost all their rows to NaN count as empty: repeats the search without them.
    fn repeat_search(&self, first: &FirstRound, sinks: &mut DistanceSinks<'_>) -> Result<RowSums> {
        let left = |(searched, level): (&Vec<u32>, &LevelStatistics)| {
            searched.iter().copied().filter(|&cluster| level.clusters[cluster as usize].size > 0).collect()
        };
        let views = self.levels.iter().map(|&level| self.hierarchy.levels[level].centroids.view()).collect();
        let job = Job {
            kept: self.job.kept,
            tile_rows: self.job.tile_rows,
            keep_rows: true,
            centre: self.job.centre.clone(),
            searched: self.job.searched.iter().zip(&first.levels).map(left).collect(),
            ..Job::new(self.job.dim, self.job.dtype, self.job.rows, views)
        };
        let pass = Pass {
            run: self,
            stage: Stage::Search,
            job: &job,
            tiling: self.tiling,
            nonfinite: Nonfinite::Skip,
            sizes: None,
        };
        pass.run(sinks.of_search())
    }
}
