//! The points in hierarchy order: every cluster of every evaluated level is one run.

use std::ops::Range;

use crate::base::error::{Error, Finding, Result};
use crate::base::matrix::UNLABELLED;
use crate::base::numeric::to_usize;
use crate::evaluate::Evaluation;

/// Labels looked up at a time.
const LABELS: u64 = 1 << 14;

/// The assigned points in hierarchy order. A place is an index into it.
pub(super) struct Order {
    /// Row of the embeddings at each place.
    rows: Vec<u64>,
    /// Per evaluated level.
    levels: Vec<Runs>,
}

/// Runs of one level, one per non-empty cluster.
struct Runs {
    /// Clusters in the order of their points, without empty ones.
    clusters: Vec<u32>,
    /// First place of each run, then the number of places.
    starts: Vec<usize>,
}

impl Order {
    /// All assigned points without the `skipped` rows (ascending). Within a cluster, clusters of the level below and rows
    /// ascend, so the order depends on the clustering alone and not on how its files list the members.
    pub(super) fn new(run: &Evaluation<'_>, skipped: &[u64]) -> Result<Order> {
        let ancestors = ancestors(run);
        let mut clusters: Vec<u32> = (0..).take(run.hierarchy.k(run.levels[0])).collect();
        clusters.retain(|&cluster| ancestors.iter().all(|level| level[cluster as usize] != UNLABELLED));
        // from the top down
        let key = |cluster: u32| ancestors.iter().rev().map(move |level| level[cluster as usize]);
        clusters.sort_unstable_by(|&a, &b| key(a).cmp(key(b)));
        let mut counts = vec![0; run.hierarchy.k(run.levels[0])];
        each_label(run, skipped, |_, cluster| counts[cluster as usize] += 1);
        clusters.retain(|&cluster| counts[cluster as usize] > 0);
        // the next place of each cluster's points
        let mut next = vec![usize::MAX; counts.len()];
        let mut points = 0;
        for &cluster in &clusters {
            next[cluster as usize] = points;
            points += counts[cluster as usize];
        }
        if u32::try_from(points).is_err() {
            return Err(Error::failed(
                Finding::new("too many points for silhouettes")
                    .expected(format!("at most {} points in clusters", u32::MAX))
                    .found(points.to_string())
                    .hint("leave out silhouettes with --silhouette off"),
            ));
        }
        let runs = |level: usize| Runs::new(&clusters, &ancestors[level], &next, points);
        let levels = run.levels.iter().map(|&level| runs(level - run.levels[0])).collect();
        let mut rows = vec![0; points];
        each_label(run, skipped, |row, cluster| {
            if let Some(place) = rows.get_mut(next[cluster as usize]) {
                *place = row;
                next[cluster as usize] += 1;
            }
        });
        Ok(Order { rows, levels })
    }

    /// Number of places.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Rows at the places.
    pub(super) fn rows(&self, places: Range<usize>) -> &[u64] {
        &self.rows[places]
    }

    /// Row at a place.
    pub(super) fn row(&self, place: u32) -> u64 {
        self.rows[place as usize]
    }

    /// Number of non-empty clusters of the lowest level.
    pub(super) fn runs(&self) -> usize {
        self.levels[0].clusters.len()
    }

    /// Number of non-empty clusters of a level.
    pub(super) fn clusters(&self, level: usize) -> usize {
        self.levels[level].clusters.len()
    }

    /// Number of evaluated levels.
    pub(super) fn levels(&self) -> usize {
        self.levels.len()
    }

    /// Cluster of a place on a level (an index into the evaluated levels).
    pub(super) fn cluster_at(&self, level: usize, place: usize) -> u32 {
        let runs = &self.levels[level];
        runs.clusters[runs.at(place)]
    }

    /// Places of the cluster that contains a place.
    pub(super) fn run_at(&self, level: usize, place: usize) -> Range<usize> {
        let runs = &self.levels[level];
        let at = runs.at(place);
        runs.starts[at]..runs.starts[at + 1]
    }

    /// Ends of the lowest level's runs that overlap `places`, clipped to its end.
    pub(super) fn ends(&self, places: Range<usize>) -> Vec<usize> {
        let starts = &self.levels[0].starts;
        let inside = starts.partition_point(|&start| start <= places.start);
        let inner = starts[inside..].iter().copied().take_while(|&start| start < places.end);
        inner.chain([places.end]).collect()
    }
}

impl Runs {
    /// `clusters` are the lowest level's in order, `owners` the cluster of this level that holds each of them, and `first` the
    /// first place of each.
    fn new(clusters: &[u32], owners: &[u32], first: &[usize], points: usize) -> Runs {
        let mut runs = Runs { clusters: Vec::new(), starts: Vec::new() };
        for &cluster in clusters {
            let owner = owners[cluster as usize];
            if runs.clusters.last() != Some(&owner) {
                runs.clusters.push(owner);
                runs.starts.push(first[cluster as usize]);
            }
        }
        runs.starts.push(points);
        runs
    }

    fn at(&self, place: usize) -> usize {
        self.starts.partition_point(|&start| start <= place) - 1
    }
}

/// For every level from the lowest to the highest evaluated one, the cluster that holds each cluster of the lowest.
fn ancestors(run: &Evaluation<'_>) -> Vec<Vec<u32>> {
    let (lowest, top) = (run.levels[0], run.levels[run.levels.len() - 1]);
    let mut ancestors: Vec<Vec<u32>> = vec![(0..).take(run.hierarchy.k(lowest)).collect()];
    for level in lowest + 1..=top {
        let next = run.hierarchy.levels[level].parents_of(&ancestors[ancestors.len() - 1]);
        ancestors.push(next);
    }
    ancestors
}

/// Passes every assigned row that is not `skipped` (ascending) to `each`, with its cluster of the lowest level.
fn each_label(run: &Evaluation<'_>, skipped: &[u64], mut each: impl FnMut(u64, u32)) {
    let rows = run.embeddings.rows();
    let mut labels = Vec::new();
    let mut first = 0;
    let mut skipped = skipped.iter().copied().peekable();
    while first < rows {
        labels.resize(to_usize((rows - first).min(LABELS)), UNLABELLED);
        run.hierarchy.label_rows(run.levels[0], first, &mut labels);
        for (row, &label) in (first..).zip(&labels) {
            if skipped.next_if_eq(&row).is_none() && label != UNLABELLED {
                each(row, label);
            }
        }
        first += labels.len() as u64;
    }
}
