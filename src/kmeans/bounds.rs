//! Labels and distance bounds of the points between iterations (Hamerly, "Making k-means even faster", SDM 2010).
//!
//! Each point has two bounds: `upper` for the distance to its own centroid, `lower` for the distance to the nearest other
//! one. When centroids move, `upper` grows by the drift of the own centroid, and `lower` shrinks by the largest drift of
//! another. While `upper < lower`, the point keeps its cluster and need not be read. The bounds are stored in float32,
//! rounded away from each other, and widened by the error of a device's distances. A skipped point would therefore have kept
//! its cluster; ties are never skipped.

use std::cmp::Ordering;

use ndarray::{ArrayView1, ArrayView2};
use rayon::iter::{IndexedParallelIterator as _, ParallelIterator as _};
use rayon::slice::{ParallelSlice as _, ParallelSliceMut as _};

use super::sums::squared_by_row;
use crate::backend::{Top2, UNLABELLED};
use crate::base::numeric::to_f32;

/// Additional error of a distance, relative to the largest norm of a centroid: devices without float64 store values as two
/// float32 (hi and lo parts), 48 bits together.
const ABSOLUTE: f64 = 1.0 / (1_u64 << 44) as f64;

/// Above the relative error of a float64 sum of squares.
const FLOAT64: f64 = 1e-12;

/// Points whose bounds one thread updates at a time. Fewer are updated by the calling thread.
const BLOCK: usize = 1 << 14;

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

    /// Whether a point must be compared with the centroids.
    pub(super) fn is_open(&self, point: usize) -> bool {
        // a NaN counts as open
        self.upper[point].partial_cmp(&self.lower[point]) != Some(Ordering::Less)
    }

    /// Updates the bounds of all points after the centroids moved by `drifts`.
    pub(super) fn drift(&mut self, drifts: &Drifts) {
        let blocks = self.labels.par_chunks(BLOCK).zip(self.upper.par_chunks_mut(BLOCK));
        blocks.zip(self.lower.par_chunks_mut(BLOCK)).for_each(|((labels, upper), lower)| {
            for ((&label, upper), lower) in labels.iter().zip(upper).zip(lower) {
                if label != UNLABELLED {
                    *upper = up(f64::from(*upper) + drifts.of(label));
                    *lower = down((f64::from(*lower) - drifts.of_others(label)).max(0.0));
                }
            }
        });
    }

    /// Sets the label and the bounds of a point that was compared with all centroids.
    pub(super) fn set(&mut self, point: usize, bounded: Bounded) {
        self.labels[point] = bounded.label;
        self.upper[point] = bounded.upper;
        self.lower[point] = bounded.lower;
    }
}

/// Label and bounds of one point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bounded {
    pub(super) label: u32,
    upper: f32,
    lower: f32,
}

/// Error of the distances that a device measures.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slack {
    relative: f64,
    absolute: f64,
}

impl Slack {
    /// For distances to these centroids, on a device whose squared distances have a relative error of at most `error`. A root
    /// has half of it, and what that leaves covers the rounding of the root.
    pub(super) fn of(centroids: ArrayView2<'_, f64>, error: f64) -> Self {
        let norm = |row: ArrayView1<'_, f64>| row.iter().map(|value| value * value).sum::<f64>();
        let largest = centroids.outer_iter().map(norm).fold(0.0, f64::max).sqrt();
        Slack { relative: error.max(FLOAT64), absolute: ABSOLUTE * largest }
    }

    /// Label and bounds of a point whose nearest two centroids were measured.
    pub(super) fn bounded(self, nearest: &Top2) -> Bounded {
        Bounded {
            label: nearest.clusters[0],
            upper: self.upper(nearest.squared[0].sqrt()),
            lower: self.lower(nearest.squared[1].sqrt()),
        }
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
    /// From one set of centroids to the next.
    pub(super) fn between(before: ArrayView2<'_, f64>, after: ArrayView2<'_, f64>) -> Self {
        let squared = squared_by_row(before, after);
        Drifts::new(squared.into_iter().map(|squared| squared.sqrt() * (1.0 + FLOAT64)).collect())
    }

    /// From the drift of each centroid.
    pub(super) fn new(each: Vec<f64>) -> Self {
        let farthest = (0..each.len()).max_by(|&a, &b| each[a].total_cmp(&each[b])).unwrap_or(0);
        let others = each.iter().enumerate().filter(|(cluster, _)| *cluster != farthest);
        let second = others.map(|(_, &drift)| drift).fold(0.0, f64::max);
        Drifts { each, farthest, second }
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
        let unknown = Bounds::unknown(2);
        assert!(unknown.is_open(0), "not compared yet");
        let mut bounds = unknown.clone();
        bounds.set(0, slack.bounded(&Top2 { clusters: [0, 1], squared: [0.81, 1.21] }));
        bounds.set(1, slack.bounded(&Top2 { clusters: [0, 1], squared: [1.0, 1.0] }));
        assert!(!bounds.is_open(0));
        assert!(bounds.is_open(1), "a tie is");
        let after = |bounds: &Bounds, drifts: [f64; 3]| {
            let mut bounds = bounds.clone();
            bounds.drift(&Drifts::new(drifts.to_vec()));
            bounds
        };
        // the own centroid moves by 0.15, the others by at most 0.04
        assert!(!after(&bounds, [0.15, 0.04, 0.0]).is_open(0));
        assert!(after(&bounds, [0.15, 0.06, 0.0]).is_open(0));
        assert!(after(&bounds, [0.0, 0.0, 0.21]).is_open(0), "any other centroid may have been the nearest");
        let moved = after(&bounds, [0.1, 0.05, 0.0]);
        assert!(after(&moved, [0.06, 0.0, 0.0]).is_open(0), "drifts add up");
        assert_eq!(after(&unknown, [1.0, 2.0, 3.0]), unknown, "points that were not compared have no bounds");
    }

    #[test]
    fn a_less_accurate_device_skips_fewer_points() {
        let centroids = array![[0.0], [2.0]];
        let open = |error| {
            let mut bounds = Bounds::unknown(1);
            let nearest = Top2 { clusters: [0, 1], squared: [1.0, 1.0001] };
            bounds.set(0, Slack::of(centroids.view(), error).bounded(&nearest));
            bounds.is_open(0)
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
