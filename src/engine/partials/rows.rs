//! Partial results of a pass over rows.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{ClusterSums, PointSums};

/// Result of a pass over a range of rows. Results of consecutive ranges can be combined.
#[derive(Debug, Clone, PartialEq)]
pub struct RowSums {
    /// The range.
    pub rows: Range<u64>,
    /// Sums per cluster, one entry per evaluated level.
    pub sums: Vec<ClusterSums>,
    /// Sums of the points on the lowest evaluated level of each chain of levels; empty if they are not wanted.
    pub points: Vec<PointSums>,
    /// Rows left out because they hold a NaN or an infinity, ascending.
    pub skipped: Vec<u64>,
    /// Number of distances computed.
    pub counts: Counts,
}

/// Number of distances computed, over all levels. Proves that none was computed twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// From rows to their own centroid (or mean).
    pub own: u64,
    /// From rows to centroids, in the top-2 search.
    pub searched: u64,
    /// Between rows.
    pub pairs: u64,
}

impl Counts {
    /// Sum of both.
    #[must_use]
    pub fn plus(self, other: Counts) -> Counts {
        Counts { own: self.own + other.own, searched: self.searched + other.searched, pairs: self.pairs + other.pairs }
    }
}

impl RowSums {
    /// Bytes of memory, roughly.
    pub fn bytes(&self) -> usize {
        let clusters: usize = self.sums.iter().map(|sums| size_of_val(sums.clusters())).sum();
        let points = self.points.iter().flat_map(PointSums::values).map(size_of_val).sum::<usize>();
        clusters + points + size_of_val(self.skipped.as_slice())
    }

    /// Appends the result of the next range of rows.
    ///
    /// # Panics
    /// If the ranges are not consecutive, or the levels differ.
    pub fn combine(&mut self, next: &RowSums) {
        assert_eq!(self.rows.end, next.rows.start, "ranges of rows follow one another");
        assert_eq!(self.sums.len(), next.sums.len(), "parts are of the same levels");
        self.rows.end = next.rows.end;
        self.sums.iter_mut().zip(&next.sums).for_each(|(sums, next)| sums.combine(next));
        self.points.iter_mut().zip(&next.points).for_each(|(points, next)| points.combine(next));
        self.skipped.extend(&next.skipped);
        self.counts = self.counts.plus(next.counts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::partials::Sums;

    fn part(rows: Range<u64>, squared: f64) -> RowSums {
        let mut sums = ClusterSums::identity(2);
        sums.add(1, Sums::of_point(squared));
        let counts = Counts { own: rows.end - rows.start, ..Counts::default() };
        let points = PointSums::of_values(1, vec![0.0, squared], vec![0.0; 2]).into_iter().collect();
        RowSums { skipped: vec![rows.start], rows, sums: vec![sums], points, counts }
    }

    #[test]
    fn consecutive_ranges_are_combined() {
        let mut whole = part(0..3, 4.0);
        whole.combine(&part(3..5, 9.0));
        assert_eq!((whole.rows.clone(), whole.skipped.as_slice(), whole.counts.own), (0..5, [0, 3].as_slice(), 5));
        assert_eq!(whole.sums[0].clusters()[1].inertia, 13.0);
        assert_eq!(whole.points.first().cloned(), PointSums::of_values(1, vec![0.0, 13.0], vec![0.0; 2]));
    }

    #[test]
    #[should_panic(expected = "follow one another")]
    fn a_gap_is_noticed() {
        part(0..3, 4.0).combine(&part(4..5, 9.0));
    }
}
