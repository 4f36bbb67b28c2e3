//! What a pass over some rows contributes.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{ClusterSums, PointSums};

/// What a pass found over a range of rows. Ranges that follow one another add up.
#[derive(Debug, Clone, PartialEq)]
pub struct RowSums {
    /// The rows that are in it.
    pub rows: Range<u64>,
    /// Sums per cluster, one entry per evaluated level.
    pub sums: Vec<ClusterSums>,
    /// Sums of the points themselves on the lowest evaluated level, where they are wanted.
    pub points: Option<PointSums>,
    /// Rows left out because they hold a NaN or an infinity, ascending.
    pub skipped: Vec<u64>,
    /// How many distances were computed.
    pub counts: Counts,
}

/// How many distances were computed, all levels together: the proof that none was computed twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Of rows to their own centroid (or mean).
    pub own: u64,
    /// Of rows to centroids in the search for the nearest.
    pub searched: u64,
    /// Of rows to rows.
    pub pairs: u64,
}

impl Counts {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Counts) -> Counts {
        Counts { own: self.own + other.own, searched: self.searched + other.searched, pairs: self.pairs + other.pairs }
    }
}

impl RowSums {
    /// Adds the rows that follow.
    ///
    /// # Panics
    /// When they don't follow, or are of other levels.
    pub fn combine(&mut self, next: &RowSums) {
        assert_eq!(self.rows.end, next.rows.start, "ranges of rows follow one another");
        assert_eq!(self.sums.len(), next.sums.len(), "parts are of the same levels");
        self.rows.end = next.rows.end;
        self.sums.iter_mut().zip(&next.sums).for_each(|(sums, next)| sums.combine(next));
        if let (Some(points), Some(next)) = (&mut self.points, &next.points) {
            points.combine(next);
        }
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
        let points = Some(PointSums::of_values(1, vec![0.0, squared]));
        RowSums { skipped: vec![rows.start], rows, sums: vec![sums], points, counts }
    }

    #[test]
    fn ranges_that_follow_add_up() {
        let mut whole = part(0..3, 4.0);
        whole.combine(&part(3..5, 9.0));
        assert_eq!((whole.rows.clone(), whole.skipped.as_slice(), whole.counts.own), (0..5, [0, 3].as_slice(), 5));
        assert_eq!(whole.sums[0].clusters()[1].inertia, 13.0);
        assert_eq!(whole.points.map(PointSums::into_values), Some(vec![0.0, 13.0]));
    }

    #[test]
    #[should_panic(expected = "follow one another")]
    fn a_gap_is_noticed() {
        part(0..3, 4.0).combine(&part(4..5, 9.0));
    }
}
