//! Labels and distance bounds of the points between iterations (Hamerly, "Making k-means even faster", SDM 2010).
//!
//! Each point has two bounds: `upper` for the distance to its own centroid, `lower` for the distance to the nearest other
//! one. When centroids move, `upper` grows by the drift of the own centroid, and `lower` shrinks by the largest drift of
//! another. While `upper < lower`, the point keeps its cluster and need not be read. The bounds are stored in float32,
//! rounded away from each other, and widened by the error of a device's distances. A skipped point would therefore have kept
//! its cluster; ties are never skipped.

use std::cmp::Ordering;

use ndarray::{ArrayView1, ArrayView2};

use super::sums::squared;
use crate::backend::{Top2, UNLABELLED};
use crate::base::numeric::to_f32;

/// Additional error of a distance, relative to the largest norm of a centroid: devices without float64 store values as two
/// float32 (hi and lo parts), 48 bits together.
const ABSOLUTE: f64 = 1.0 / (1_u64 << 44) as f64;

/// Above the relative error of a float64 sum of squares.
const FLOAT64: f64 = 1e-12;

/// Labels and bounds of this process's points.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Bounds {
    /// Cluster of each point; [`UNLABELLED`] before the first comparison.
    pub(super) labels: Vec<u32>,
    /// Upper bound of the distance to the own centroid.
    pub(super) upper: Vec<f32>,
    /// Lower bound of the distance to any other centroid.
    pub(super) lower: Vec<f32>,
}

impl Bounds {
    /// `points` points, none of them compared.
    pub(super) fn unknown(points: usize) -> Self {
        Bounds {
            labels: vec![UNLABELLED; points],
            upper: vec![f32::INFINITY; points],
            lower: vec![f32::INFINITY; points],
        }
    }

    /// Resets all points.
    pub(super) fn reset(&mut self) {
        self.labels.fill(UNLABELLED);
        self.upper.fill(f32::INFINITY);
        self.lower.fill(f32::INFINITY);
    }

    /// Whether a point must be compared with the centroids after they moved by `drifts`.
    pub(super) fn is_open(&self, point: usize, drifts: &Drifts) -> bool {
        let (upper, lower) = self.after(point, drifts);
        // a NaN counts as open
        upper.partial_cmp(&lower) != Some(Ordering::Less)
    }

    /// Updates the bounds of a point after the centroids moved by `drifts`.
    pub(super) fn drift(&mut self, point: usize, drifts: &Drifts) {
        (self.upper[point], self.lower[point]) = self.after(point, drifts);
    }

    fn after(&self, point: usize, drifts: &Drifts) -> (f32, f32) {
        let label = self.labels[point];
        if label == UNLABELLED {
            return (f32::INFINITY, 0.0);
        }
        let (own, others) = (drifts.of(label), drifts.of_others(label));
        (up(f64::from(self.upper[point]) + own), down((f64::from(self.lower[point]) - others).max(0.0)))
    }

    /// Sets the bounds of a point that was compared with all centroids.
    pub(super) fn measured(&mut self, point: usize, nearest: &Top2, slack: Slack) {
        self.labels[point] = nearest.clusters[0];
        self.upper[point] = slack.upper(nearest.squared[0].sqrt());
        self.lower[point] = slack.lower(nearest.squared[1].sqrt());
    }
}

/// Error of the distances that a device measures.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slack {
    relative: f64,
    absolute: f64,
}

impl Slack {
    /// For distances to these centroids on a device whose squared distances have a relative error of at most `error`. A root
    /// has half of it, and what that leaves covers the rounding of the root.
    pub(super) fn of(centroids: ArrayView2<'_, f64>, error: f64) -> Self {
        let norm = |row: ArrayView1<'_, f64>| row.iter().map(|value| value * value).sum::<f64>();
        let largest = centroids.outer_iter().map(norm).fold(0.0, f64::max).sqrt();
        Slack { relative: error.max(FLOAT64), absolute: ABSOLUTE * largest }
    }

    fn upper(self, distance: f64) -> f32 {
        up(distance * (1.0 + self.relative) + self.absolute)
    }

    fn lower(self, distance: f64) -> f32 {
        down((distance * (1.0 - self.relative) - self.absolute).max(0.0))
    }
}

/// How far each centroid moved.
#[derive(Debug, Clone)]
pub(super) struct Drifts {
    each: Vec<f64>,
    farthest: usize,
    /// Largest drift of all but `farthest`.
    second: f64,
}

impl Drifts {
    /// No centroid moved.
    pub(super) fn none(clusters: usize) -> Self {
        Drifts { each: vec![0.0; clusters], farthest: 0, second: 0.0 }
    }

    /// From one set of centroids to the next.
    pub(super) fn between(before: ArrayView2<'_, f64>, after: ArrayView2<'_, f64>) -> Self {
        let each = before.outer_iter().zip(after.outer_iter()).map(|(before, after)| squared(before, after));
        Drifts::new(each.map(|squared| squared.sqrt() * (1.0 + FLOAT64)).collect())
    }

    /// From the drift of each centroid.
    pub(super) fn new(each: Vec<f64>) -> Self {
        let farthest = (0..each.len()).max_by(|&a, &b| each[a].total_cmp(&each[b])).unwrap_or(0);
        let others = each.iter().enumerate().filter(|(cluster, _)| *cluster != farthest);
        let second = others.map(|(_, &drift)| drift).fold(0.0, f64::max);
        Drifts { each, farthest, second }
    }

    /// Drift of each centroid.
    pub(super) fn each(&self) -> &[f64] {
        &self.each
    }

    fn of(&self, cluster: u32) -> f64 {
        self.each[cluster as usize]
    }

    fn of_others(&self, cluster: u32) -> f64 {
        if cluster as usize == self.farthest { self.second } else { self.each[self.farthest] }
    }
}

/// Rounds up to float32.
pub(super) fn up(value: f64) -> f32 {
    let near = to_f32(value);
    if f64::from(near) < value { near.next_up() } else { near }
}

/// Rounds down to float32.
fn down(value: f64) -> f32 {
    let near = to_f32(value);
    if f64::from(near) > value { near.next_down() } else { near }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn bounds_are_rounded_away_from_each_other() {
        for value in [0.1, 1.0 / 3.0, 1e30, 1e-30, 5e-46, 0.0, 1.0] {
            assert!(f64::from(up(value)) >= value && f64::from(down(value)) <= value, "{value}");
        }
        assert_eq!((up(1e60), down(1e60)), (f32::INFINITY, f32::MAX));
        assert_eq!((up(1.0), down(1.0)), (1.0, 1.0), "float32 values are kept");
    }

    #[test]
    fn a_point_is_open_if_another_centroid_may_be_as_near() {
        let centroids = array![[0.0], [2.0], [9.0]];
        let slack = Slack::of(centroids.view(), 4e-6);
        let mut bounds = Bounds::unknown(2);
        assert!(bounds.is_open(0, &Drifts::none(3)), "not compared yet");
        bounds.measured(0, &Top2 { clusters: [0, 1], squared: [0.81, 1.21] }, slack);
        bounds.measured(1, &Top2 { clusters: [0, 1], squared: [1.0, 1.0] }, slack);
        assert!(!bounds.is_open(0, &Drifts::none(3)));
        assert!(bounds.is_open(1, &Drifts::none(3)), "a tie is");
        // the own centroid moves by 0.15, the others by at most 0.04
        assert!(!bounds.is_open(0, &Drifts::new(vec![0.15, 0.04, 0.0])));
        assert!(bounds.is_open(0, &Drifts::new(vec![0.15, 0.06, 0.0])));
        assert!(bounds.is_open(0, &Drifts::new(vec![0.0, 0.0, 0.21])), "any other centroid may have been the nearest");
        bounds.drift(0, &Drifts::new(vec![0.1, 0.05, 0.0]));
        assert!(bounds.is_open(0, &Drifts::new(vec![0.06, 0.0, 0.0])));
    }

    #[test]
    fn a_less_accurate_device_skips_fewer_points() {
        let centroids = array![[0.0], [2.0]];
        let open = |error| {
            let mut bounds = Bounds::unknown(1);
            let nearest = Top2 { clusters: [0, 1], squared: [1.0, 1.0001] };
            bounds.measured(0, &nearest, Slack::of(centroids.view(), error));
            bounds.is_open(0, &Drifts::none(2))
        };
        assert!(!open(1e-5) && open(1e-4));
    }

    #[test]
    fn the_drift_of_others_excludes_the_own_centroid() {
        let drifts = Drifts::between(array![[0.0, 0.0], [1.0, 0.0]].view(), array![[3.0, 4.0], [1.0, 1.0]].view());
        assert!((drifts.of_others(1) - 5.0).abs() < 1e-9 && (drifts.of_others(0) - 1.0).abs() < 1e-9);
        assert!(drifts.of(0) >= 5.0);
    }
}
