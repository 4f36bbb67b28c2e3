//! Sums of the points of each cluster. They give the means, and how much the objective falls when centroids move there.
//!
//! The sums are updated, not recomputed: points that leave a cluster are subtracted from its sum. The sums themselves are
//! kept in double-double arithmetic, so only the rounding of a tile's sums counts: it is relative to the distances between
//! the points that move together, and enters the objective squared. Where points moved that are very far from the others, or
//! the objective fell to a small part of what it was, everything is summed anew (see `recount`).
//!
//! The objective is updated in the same way. The first iteration measures all points. Moving a centroid by `v` to the mean of
//! its n points lowers the objective by `n |v|^2`, and a point that changes its cluster changes it by the difference of two
//! measured distances. Points that keep their cluster need not be measured, and nothing larger than the objective itself is
//! ever subtracted from it, however tight the clusters are.

use std::borrow::Cow;

use ndarray::{Array2, ArrayView1, ArrayView2};
use rayon::iter::{IndexedParallelIterator as _, IntoParallelIterator as _, ParallelIterator as _};

use super::communicator::Communicator;
use crate::backend::GroupSums;
use crate::base::distance;
use crate::base::error::{Error, Finding, Result};
use crate::base::numeric::as_real;
use crate::engine::partials::PointSums;

/// Fewest values that are worth a thread. A small k-means may itself be one of many that threads share.
const SHARED: usize = 1 << 15;

/// Sums of the points, by cluster.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sums {
    points: PointSums,
    /// Number of points of each cluster.
    counts: Vec<u64>,
}

impl Sums {
    /// Sums over no points.
    pub(super) fn none(clusters: usize, dim: usize) -> Result<Self> {
        let points = PointSums::identity(clusters, dim).ok_or_else(|| no_memory(clusters, dim))?;
        Ok(Sums { points, counts: vec![0; clusters] })
    }

    /// Sums from a checkpoint.
    pub(super) fn of(points: PointSums, counts: Vec<u64>) -> Self {
        Sums { points, counts }
    }

    /// Sums of the points of each cluster.
    pub(super) fn points(&self) -> &PointSums {
        &self.points
    }

    /// Number of points of each cluster.
    pub(super) fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Counts a point that joins a cluster.
    pub(super) fn count_in(&mut self, cluster: u32) {
        self.counts[cluster as usize] += 1;
    }

    /// Counts a point that leaves a cluster.
    pub(super) fn count_out(&mut self, cluster: u32) {
        self.counts[cluster as usize] -= 1;
    }

    /// Adds the sums of points that joined clusters.
    pub(super) fn add(&mut self, groups: &GroupSums) {
        self.points.add_groups(groups);
    }

    /// Subtracts the sums of points that left clusters, after they were counted out.
    pub(super) fn subtract(&mut self, groups: &GroupSums) {
        self.points.subtract_groups(groups);
        for cluster in groups.clusters.iter().map(|&cluster| cluster as usize) {
            if self.counts[cluster] == 0 {
                // an empty cluster's sum is exactly 0; drop the rounding error
                let (sums, rests) = self.points.of_mut(cluster);
                sums.fill(0.0);
                rests.fill(0.0);
            }
        }
    }

    /// Sums over the points of all processes, in double-double arithmetic like those of one process.
    pub(super) fn over(&self, communicator: &dyn Communicator) -> Result<Cow<'_, Sums>> {
        if communicator.size() == 1 {
            return Ok(Cow::Borrowed(self));
        }
        let mut all = self.clone();
        let [sums, rests] = all.points.values_mut();
        communicator.all_reduce_double_double(sums, rests)?;
        let mut counts: Vec<f64> = self.counts.iter().map(|&count| as_real(count)).collect();
        communicator.all_reduce(&mut counts)?;
        all.counts = counts.into_iter().map(whole).collect();
        Ok(Cow::Owned(all))
    }

    /// Number of clusters without points.
    pub(super) fn empty(&self) -> u64 {
        self.counts.iter().filter(|&&count| count == 0).count() as u64
    }

    /// Means, `[k, d]`. Empty clusters keep the centroids of `before`.
    pub(super) fn means(&self, before: &Array2<f64>) -> Array2<f64> {
        let mut means = before.clone();
        let rows = means.outer_iter_mut().into_par_iter().with_min_len(at_once(before.ncols())).zip(&self.counts);
        rows.enumerate().for_each(|(cluster, (mut to, &count))| {
            if count > 0 {
                to.iter_mut().zip(self.points.mean(cluster, count)).for_each(|(to, mean)| *to = mean);
            }
        });
        means
    }

    /// How much the sum of squared distances falls when centroids move from `before` to the means: n |v|^2 for a move by v. If
    /// the move ends at norm 1 instead, having begun there, a mean of norm r gives n r |v|^2. `norms` are r, or 1 for moves to
    /// the means themselves.
    pub(super) fn gain(&self, before: &Array2<f64>, after: &Array2<f64>, norms: &[f64]) -> f64 {
        let moved = squared_by_row(before.view(), after.view());
        let weights = self.counts.iter().zip(norms).map(|(&count, norm)| as_real(count) * norm);
        weights.zip(moved).map(|(weight, squared)| weight * squared).sum()
    }
}

/// Squared distance of each row of a matrix to the same row of another.
pub(super) fn squared_by_row(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>) -> Vec<f64> {
    let rows = a.outer_iter().into_par_iter().zip(b.outer_iter().into_par_iter());
    rows.with_min_len(at_once(a.ncols())).map(|(a, b)| squared(a, b)).collect()
}

/// Squared distance of two rows.
pub(super) fn squared(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> f64 {
    match (a.to_slice(), b.to_slice()) {
        (Some(a), Some(b)) => distance::squared(a, b),
        _ => a.iter().zip(&b).map(|(a, b)| (a - b) * (a - b)).sum(),
    }
}

/// Fewest rows of this dimension that are worth a thread.
fn at_once(dim: usize) -> usize {
    (SHARED / dim.max(1)).max(1)
}

/// Converts a count from float64.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sums of counts are counts below 2^53")]
pub(super) fn whole(count: f64) -> u64 {
    count as u64
}

fn no_memory(clusters: usize, dim: usize) -> Error {
    Error::failed(
        Finding::new("the sums of the clusters do not fit into memory")
            .expected("room for clusters x columns of float64")
            .found(format!("{clusters} clusters, {dim} columns")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_sums_give_the_means_and_the_gain() {
        // 1, 2 | 10
        let mut sums = Sums::none(3, 1).expect("memory");
        sums.add(&GroupSums { clusters: vec![0, 2], sums: vec![3.0, 10.0], rests: vec![0.0; 2] });
        [0, 0, 2].into_iter().for_each(|cluster| sums.count_in(cluster));
        let centroids = array![[0.0], [77.0], [11.0]];
        let means = sums.means(&centroids);
        assert_eq!(means, array![[1.5], [77.0], [10.0]]);
        // from 1 + 4 + 1 to 1/4 + 1/4 + 0
        assert_eq!(sums.gain(&centroids, &means, &[1.0; 3]), 5.5);
        assert_eq!(sums.empty(), 1);
        // the points (1, 0) and (0, 1), of mean norm r = 1/sqrt 2, and a centroid that moves from (1, 0) to (1, 1) r
        let mut unit = Sums::none(1, 2).expect("memory");
        unit.add(&GroupSums { clusters: vec![0], sums: vec![1.0, 1.0], rests: vec![0.0; 2] });
        [0, 0].into_iter().for_each(|cluster| unit.count_in(cluster));
        let r = 0.5_f64.sqrt();
        let gain = unit.gain(&array![[1.0, 0.0]], &array![[r, r]], &[r]);
        assert!((gain - (2.0 - 4.0 * (1.0 - r))).abs() < 1e-15, "from 0 + 2 to twice 2 - 2 r: {gain}");
        sums.count_out(2);
        sums.subtract(&GroupSums { clusters: vec![2], sums: vec![9.9], rests: vec![0.0] });
        assert_eq!(sums.points().of(2).0, [0.0], "an empty cluster has no sum");
    }
}
