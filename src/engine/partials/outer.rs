//! What comparing some points with all points contributes.

use std::ops::Range;

use super::Counts;

/// Silhouettes of a range of the points whose silhouettes are taken, or the running sums they are made of.
#[derive(Debug, Clone, PartialEq)]
pub struct OuterSums {
    /// Which of those points, by their number in the order of the hierarchy.
    pub outer: Range<u64>,
    /// How the work was cut; `steps` count in it.
    pub cut: SweepCut,
    /// Steps that are done.
    pub steps: u64,
    /// Steps that there are.
    pub of_steps: u64,
    /// While it is under way: the running sums, one entry per evaluated level.
    pub running: Vec<Running>,
    /// When it is complete: the silhouettes `[outer]`, one entry per evaluated level.
    pub values: Vec<Vec<f64>>,
    /// How many distances were computed.
    pub counts: Counts,
}

/// How the work is cut into steps. Steps of one cut mean nothing in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct SweepCut {
    /// Points of a step.
    pub points: usize,
    /// Each pair of points once.
    pub symmetric: bool,
}

/// Running sums of one level, each `[outer]`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Running {
    /// Sum of distances to the own cluster.
    pub own: Vec<f64>,
    /// Sum of distances to the part seen so far of the cluster under way.
    pub open: Vec<f64>,
    /// Least mean distance to another cluster that was seen whole; infinite where none was.
    pub best: Vec<f64>,
    /// First place of that cluster.
    pub best_first: Vec<u64>,
}

impl OuterSums {
    /// Whether the silhouettes are there.
    pub fn is_complete(&self) -> bool {
        self.running.is_empty()
    }

    /// Adds the complete points that follow.
    ///
    /// # Panics
    /// When they don't follow, or are of other levels.
    pub fn combine(&mut self, next: &OuterSums) {
        assert_eq!(self.outer.end, next.outer.start, "ranges of points follow one another");
        assert_eq!(self.values.len(), next.values.len(), "parts are of the same levels");
        self.outer.end = next.outer.end;
        self.values.iter_mut().zip(&next.values).for_each(|(values, next)| values.extend(next));
        self.counts = self.counts.plus(next.counts);
    }
}
