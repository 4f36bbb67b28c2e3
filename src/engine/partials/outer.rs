//! Partial results of comparing some points with all points.

use std::ops::Range;

use super::Counts;

/// Silhouettes of a range of the sampled points, or the running sums from which they are computed.
#[derive(Debug, Clone, PartialEq)]
pub struct OuterSums {
    /// Range of the sampled points, which are numbered in hierarchy order.
    pub outer: Range<u64>,
    /// How the work is cut into `of_steps` steps.
    pub cut: StepCut,
    /// Number of finished steps.
    pub steps: u64,
    /// Number of all steps.
    pub of_steps: u64,
    /// Running sums, one entry per evaluated level; empty once complete.
    pub running: Vec<Running>,
    /// Silhouettes, `[outer.len()]`, one entry per evaluated level; empty until complete.
    pub values: Vec<Vec<f64>>,
    /// Number of distances computed.
    pub counts: Counts,
}

/// How the work is cut into steps. Steps of different cuts are not comparable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct StepCut {
    /// Points per step.
    pub points: usize,
    /// Whether each pair of points is computed once.
    pub symmetric: bool,
}

/// Running sums of one level, each `[outer.len()]`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Running {
    /// Sum of distances to the own cluster.
    pub own: Vec<f64>,
    /// Sum of distances to the part of the current cluster seen so far.
    pub open: Vec<f64>,
    /// Smallest mean distance to another completed cluster; infinite without one.
    pub best: Vec<f64>,
    /// First place of that cluster in hierarchy order.
    pub best_first: Vec<u64>,
}

impl OuterSums {
    /// Whether the silhouettes are complete.
    pub fn is_complete(&self) -> bool {
        self.running.is_empty()
    }

    /// Appends the complete result of the next range of points.
    ///
    /// # Panics
    /// If the ranges are not consecutive, or the levels differ.
    pub fn combine(&mut self, next: &OuterSums) {
        assert_eq!(self.outer.end, next.outer.start, "ranges of points follow one another");
        assert_eq!(self.values.len(), next.values.len(), "parts are of the same levels");
        self.outer.end = next.outer.end;
        self.values.iter_mut().zip(&next.values).for_each(|(values, next)| values.extend(next));
        self.counts = self.counts.plus(next.counts);
    }
}
