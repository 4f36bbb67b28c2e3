//! Partial sums per cluster. They form a monoid, so that tiles, shards and merged runs use one operation.

mod outer;
mod points;
mod rows;

pub use outer::{OuterSums, Running, StepCut};
pub use points::PointSums;
pub use rows::{Counts, RowSums};

use crate::base::numeric::as_real;

/// Sums over points of one cluster. A commutative monoid under [`Sums::combine`], up to float64 rounding.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sums {
    /// Number of points.
    pub size: u64,
    /// Sum of squared distances to the stored centroid.
    pub inertia: f64,
    /// Sum of distances to the stored centroid.
    pub distance: f64,
    /// Largest squared distance to the stored centroid.
    pub max_squared: f64,
    /// Sum of simplified silhouettes; 0 without a search. In the stage `cosine`, of cosine silhouettes.
    pub simplified_silhouette: f64,
    /// Number of points with a strictly nearer other centroid; 0 without a search.
    pub misassigned: u64,
    /// Sum of `|x|^2 - 1`, which is the rounding of normalised points; 0 if it is not needed.
    pub excess: f64,
}

impl Sums {
    /// Sums over no points.
    pub const IDENTITY: Sums = Sums {
        size: 0,
        inertia: 0.0,
        distance: 0.0,
        max_squared: 0.0,
        simplified_silhouette: 0.0,
        misassigned: 0,
        excess: 0.0,
    };

    /// Sums over one point at squared distance `squared`.
    pub fn of_point(squared: f64) -> Self {
        Sums { size: 1, inertia: squared, distance: squared.sqrt(), max_squared: squared, ..Sums::IDENTITY }
    }

    /// What a search adds for one point at squared distances `own` to its own centroid and `other` to the nearest other one
    /// (infinite without one). The simplified silhouette is `(b - a) / max(a, b)`, or 0 if both are 0. It is NaN if `own` is not
    /// finite or `other` is NaN: the comparison is unknown, and with it the count of misassigned points.
    pub fn of_search(own: f64, other: f64) -> Self {
        let (a, b) = (own.sqrt(), other.sqrt());
        let larger = a.max(b);
        let simplified_silhouette = match larger > 0.0 && larger.is_finite() {
            _ if !own.is_finite() || other.is_nan() => f64::NAN,
            true => (b - a) / larger,
            false => 0.0,
        };
        Sums { simplified_silhouette, misassigned: u64::from(other < own), ..Sums::IDENTITY }
    }

    /// The cosine silhouette of one point in a cluster of `size` points. `own` and `other` are its mean squared distances to
    /// the points of its own cluster, itself included, and of the nearest other one. 0 if the point is alone, if there is no
    /// other cluster, or if both distances are 0.
    pub fn of_cosine(size: u64, own: f64, other: f64) -> Self {
        if size < 2 || !other.is_finite() {
            return Sums::IDENTITY;
        }
        // the mean over the other points leaves out the point's distance 0 to itself; cosine distances are half of these
        let own = own * as_real(size) / as_real(size - 1);
        let larger = own.max(other);
        let simplified_silhouette = if larger > 0.0 { (other - own) / larger } else { 0.0 };
        Sums { simplified_silhouette, ..Sums::IDENTITY }
    }

    /// Sums over both sets of points.
    #[must_use]
    pub fn combine(self, other: Sums) -> Sums {
        Sums {
            size: self.size + other.size,
            inertia: self.inertia + other.inertia,
            distance: self.distance + other.distance,
            max_squared: self.max_squared.max(other.max_squared),
            simplified_silhouette: self.simplified_silhouette + other.simplified_silhouette,
            misassigned: self.misassigned + other.misassigned,
            excess: self.excess + other.excess,
        }
    }
}

/// Sums of all clusters of one level.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterSums(Vec<Sums>);

impl ClusterSums {
    /// Sums over no points, for `clusters` clusters.
    pub fn identity(clusters: usize) -> Self {
        ClusterSums(vec![Sums::IDENTITY; clusters])
    }

    /// Adds sums to one cluster.
    #[inline]
    pub fn add(&mut self, cluster: u32, sums: Sums) {
        let at = &mut self.0[cluster as usize];
        *at = at.combine(sums);
    }

    /// Adds the sums over other points of the same level.
    pub fn combine(&mut self, other: &ClusterSums) {
        assert_eq!(self.0.len(), other.0.len(), "parts of one level have the same clusters");
        self.0.iter_mut().zip(&other.0).for_each(|(a, &b)| *a = a.combine(b));
    }

    /// From the sums of each cluster.
    pub fn of_clusters(clusters: Vec<Sums>) -> Self {
        ClusterSums(clusters)
    }

    /// Sums of each cluster.
    pub fn into_clusters(self) -> Vec<Sums> {
        self.0
    }

    /// Sums of each cluster.
    pub fn clusters(&self) -> &[Sums] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_combine_to_the_whole_in_any_grouping() {
        let squares = [4.0, 9.0, 16.0, 0.25, 1.0];
        let of = |part: &[f64]| part.iter().fold(Sums::IDENTITY, |sum, &s| sum.combine(Sums::of_point(s)));
        let whole = of(&squares);
        assert_eq!(whole, Sums { size: 5, inertia: 30.25, distance: 10.5, max_squared: 16.0, ..Sums::IDENTITY });
        for cut in 0..=squares.len() {
            let (left, right) = squares.split_at(cut);
            assert_eq!(of(left).combine(of(right)), whole);
            assert_eq!(of(right).combine(of(left)), whole);
        }
        assert_ne!(of(&squares[1..]), whole, "a missing point is noticed");
    }

    #[test]
    fn a_search_adds_simplified_silhouettes() {
        let of = |own: f64, other: f64| {
            let sums = Sums::of_search(own, other);
            (sums.simplified_silhouette, sums.misassigned)
        };
        assert_eq!((of(1.0, 4.0), of(4.0, 1.0)), ((0.5, 0), (-0.5, 1)));
        // on its own centroid; on both; equidistant; no other centroid
        assert_eq!((of(0.0, 4.0), of(0.0, 0.0)), ((1.0, 0), (0.0, 0)));
        assert_eq!((of(9.0, 9.0), of(1.0, f64::INFINITY)), ((0.0, 0), (0.0, 0)));
    }

    #[test]
    fn cosine_silhouettes_leave_the_point_itself_out() {
        let of = |size, own, other| Sums::of_cosine(size, own, other).simplified_silhouette;
        // two points: the mean 0.5 with itself is 1 without
        assert_eq!((of(2, 0.5, 2.0), of(2, 2.0, 1.0)), (0.5, -0.75));
        // alone; no other cluster; all points equal
        assert_eq!((of(1, 0.0, 2.0), of(3, 0.5, f64::INFINITY), of(3, 0.0, 0.0)), (0.0, 0.0, 0.0));
    }

    #[test]
    fn squares_that_overflow_leave_a_search_undefined() {
        for (own, other) in [(f64::INFINITY, f64::INFINITY), (f64::INFINITY, 1.0), (1.0, f64::NAN)] {
            assert!(Sums::of_search(own, other).simplified_silhouette.is_nan(), "{own}, {other}");
        }
    }

    #[test]
    fn levels_combine_cluster_by_cluster() {
        let mut a = ClusterSums::identity(3);
        let mut b = ClusterSums::identity(3);
        a.add(0, Sums::of_point(4.0));
        b.add(2, Sums::of_point(9.0));
        b.add(0, Sums::of_point(1.0));
        a.combine(&b);
        let sizes: Vec<u64> = a.clusters().iter().map(|c| c.size).collect();
        assert_eq!(sizes, [2, 0, 1]);
        assert_eq!(a.clusters()[0].inertia, 5.0);
    }
}
