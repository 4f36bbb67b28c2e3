//! The points in hierarchy order: every cluster of every evaluated level is one run.

use std::ops::Range;

use crate::base::error::{Error, Finding, Result};
use crate::evaluate::Evaluation;

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
    /// All assigned points without the `skipped` rows (ascending).
    pub(super) fn new(run: &Evaluation<'_>, skipped: &[u64]) -> Result<Order> {
        let top = run.levels[run.levels.len() - 1];
        let points = (0..run.hierarchy.k(top)).flat_map(|cluster| run.hierarchy.points_of(top, cluster));
        let rows: Vec<u64> = points.filter(|row| skipped.binary_search(row).is_err()).collect();
        if u32::try_from(rows.len()).is_err() {
            return Err(Error::failed(
                Finding::new("too many points for silhouettes")
                    .expected(format!("at most {} points in clusters", u32::MAX))
                    .found(rows.len().to_string())
                    .hint("leave out silhouettes with --silhouette off"),
            ));
        }
        let levels = run.levels.iter().map(|&level| Runs::new(run, level, &rows)).collect();
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
    fn new(run: &Evaluation<'_>, level: usize, rows: &[u64]) -> Runs {
        let mut runs = Runs { clusters: Vec::new(), starts: Vec::new() };
        let mut label = [0];
        for (place, &row) in rows.iter().enumerate() {
            run.hierarchy.label_rows(level, row, &mut label);
            if runs.clusters.last() != Some(&label[0]) {
                runs.clusters.push(label[0]);
                runs.starts.push(place);
            }
        }
        runs.starts.push(rows.len());
        runs
    }

    fn at(&self, place: usize) -> usize {
        self.starts.partition_point(|&start| start <= place) - 1
    }
}
