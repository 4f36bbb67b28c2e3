//! What is known between the two rounds, and what the second one adds.

use super::means::Means;
use super::{Evaluated, Evaluation, pass};
use crate::base::error::Result;
use crate::engine::partials::{ClusterSums, OuterSums, RowSums, Sums};
use crate::metrics::level_statistics::{LevelStatistics, Parents};

/// What the first round found over all rows, and what follows from it.
pub struct FirstRound {
    pub(super) levels: Vec<LevelStatistics>,
    means: Option<Means>,
    skipped: Vec<u64>,
    /// Whether clusters that were searched have lost all their rows to NaN.
    emptied: bool,
}

/// What the second round finds over some rows. Parts of it that follow one another add up.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SecondRound {
    /// The search once more, where clusters have lost all their rows.
    pub search: Option<RowSums>,
    /// Sums around the means, where they are wanted.
    pub around: Option<RowSums>,
    /// Silhouettes, where they are wanted.
    pub outer: Option<OuterSums>,
}

impl FirstRound {
    pub(super) fn new(run: &Evaluation<'_>, first: RowSums) -> Result<FirstRound> {
        let RowSums { sums, points, skipped, .. } = first;
        let sums: Vec<Vec<Sums>> = sums.into_iter().map(ClusterSums::into_clusters).collect();
        let emptied = |(searched, sums): (&Vec<u32>, &Vec<Sums>)| {
            searched.iter().any(|&cluster| sums[cluster as usize].size == 0)
        };
        let emptied = run.job.searched.iter().zip(&sums).any(emptied);
        let levels = level_facts(run, &sums);
        let means = match points.filter(|_| run.wanted.means) {
            Some(points) => Some(Means::new(run, points, &levels)?),
            None => None,
        };
        Ok(FirstRound { levels, means, skipped, emptied })
    }

    /// Whether clusters have to be searched once more.
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

    /// Puts the sums of the search that was done once more in the place of those before.
    pub(super) fn searched_again(&mut self, again: Option<RowSums>) {
        let Some(again) = again else { return };
        let sums: Vec<Vec<Sums>> = again.sums.into_iter().map(ClusterSums::into_clusters).collect();
        for (at, level) in self.levels.iter_mut().enumerate() {
            level.clusters.clone_from(&sums[at]);
            if let Some(parents) = &mut level.parents {
                parents.clusters.clone_from(&sums[at + 1]);
            }
        }
    }

    pub(super) fn into_evaluated(mut self) -> Evaluated {
        let skipped = self.skipped.len() as u64;
        self.skipped.truncate(pass::NAMED_ROWS);
        Evaluated { levels: self.levels, skipped, first_skipped: self.skipped }
    }
}

/// Each level's sums, with those of the level above where it is evaluated too.
fn level_facts(run: &Evaluation<'_>, sums: &[Vec<Sums>]) -> Vec<LevelStatistics> {
    let of_level = |(at, &index): (usize, &usize)| LevelStatistics {
        searched: !run.job.searched.is_empty(),
        parents: (run.levels.get(at + 1) == Some(&(index + 1)))
            .then(|| Parents { of: run.hierarchy.levels[index + 1].parent.clone(), clusters: sums[at + 1].clone() }),
        ..LevelStatistics::of_sums(run.hierarchy.levels[index].number, sums[at].clone())
    };
    run.levels.iter().enumerate().map(of_level).collect()
}
