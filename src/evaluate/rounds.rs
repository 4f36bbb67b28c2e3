//! Results of the two rounds.

use super::evaluation::Evaluation;
use super::means::Means;
use super::nonfinite;
use crate::base::error::Result;
use crate::engine::partials::{ClusterSums, OuterSums, RowSums, Sums};
use crate::metrics::level_statistics::{LevelStatistics, Parents};

/// Results of an evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluated {
    /// One entry per evaluated level.
    pub levels: Vec<LevelStatistics>,
    /// Number of rows left out because they hold a NaN or an infinity.
    pub skipped: u64,
    /// The first few of those rows.
    pub first_skipped: Vec<u64>,
}

/// Results of the first round over all rows.
pub struct FirstRound {
    pub(super) levels: Vec<LevelStatistics>,
    means: Option<Means>,
    skipped: Vec<u64>,
    /// Whether clusters that were searched have lost all their rows to NaN.
    emptied: bool,
}

/// Results of the second round over some rows. Results of consecutive ranges can be merged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SecondRound {
    /// The repeated search, if clusters have lost all their rows.
    pub search: Option<RowSums>,
    /// Sums of the distances to the true means, if wanted.
    pub around: Option<RowSums>,
    /// Silhouettes of each chain of levels; empty if they are not wanted.
    pub outer: Vec<OuterSums>,
    /// Sums of cosine silhouettes, if wanted.
    pub cosine: Option<RowSums>,
}

impl FirstRound {
    pub(super) fn new(run: &Evaluation<'_>, first: RowSums) -> Result<FirstRound> {
        let RowSums { sums, points, skipped, .. } = first;
        let sums: Vec<Vec<Sums>> = sums.into_iter().map(ClusterSums::into_clusters).collect();
        let emptied = |(searched, sums): (&Vec<u32>, &Vec<Sums>)| {
            searched.iter().any(|&cluster| sums[cluster as usize].size == 0)
        };
        let emptied = run.job.searched.iter().zip(&sums).any(emptied);
        let levels = level_statistics(run, &sums);
        let means = match run.wanted.means || run.wanted.cosine {
            true if run.hierarchy.centroids_are_means() => Some(Means::of_centroids(run, &levels)?),
            true if !points.is_empty() => Some(Means::new(run, points, &levels)?),
            _ => None,
        };
        Ok(FirstRound { levels, means, skipped, emptied })
    }

    /// Whether the search must be repeated.
    pub(super) fn emptied(&self) -> bool {
        self.emptied
    }

    pub(super) fn means(&self) -> Option<&Means> {
        self.means.as_ref()
    }

    pub(super) fn take_means(&mut self) -> Option<Means> {
        self.means.take()
    }

    pub(super) fn skipped(&self) -> &[u64] {
        &self.skipped
    }

    /// Replaces the sums by those of the repeated search.
    pub(super) fn replace_search(&mut self, repeated: Option<RowSums>) {
        let Some(repeated) = repeated else { return };
        let sums: Vec<Vec<Sums>> = repeated.sums.into_iter().map(ClusterSums::into_clusters).collect();
        for (at, level) in self.levels.iter_mut().enumerate() {
            level.clusters.clone_from(&sums[at]);
            if let Some(parents) = &mut level.parents {
                parents.clusters.clone_from(&sums[at + 1]);
            }
        }
    }

    pub(super) fn into_evaluated(mut self) -> Evaluated {
        let skipped = self.skipped.len() as u64;
        self.skipped.truncate(nonfinite::NAMED_ROWS);
        Evaluated { levels: self.levels, skipped, first_skipped: self.skipped }
    }
}

/// Sums of each level, with those of the level above if it is evaluated too.
fn level_statistics(run: &Evaluation<'_>, sums: &[Vec<Sums>]) -> Vec<LevelStatistics> {
    let of_level = |(at, &index): (usize, &usize)| LevelStatistics {
        scale: run.embeddings.scale(),
        searched: !run.job.searched.is_empty(),
        parents: run
            .hierarchy
            .above(index)
            .filter(|_| run.levels.get(at + 1) == Some(&(index + 1)))
            .map(|above| Parents { of: above.parent.clone(), clusters: sums[at + 1].clone() }),
        ..LevelStatistics::of_sums(run.hierarchy.levels[index].number, sums[at].clone())
    };
    run.levels.iter().enumerate().map(of_level).collect()
}
