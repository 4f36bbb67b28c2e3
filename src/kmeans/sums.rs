//! Sums of the points of every cluster: the means come from them, and what moving to the means gains.
//!
//! Sums are not taken anew in every iteration: points that leave a cluster are subtracted from it. Each such step rounds in the
//! last place of float64 (of float32 sums over a workgroup's rows on a GPU), and what a centroid is wrong by enters the
//! objective squared.
//!
//! The objective is followed in the same way. The first iteration measures all points. Moving centroids to the means of their
//! n points lowers it by `n |moved|^2`, and a point that changes its cluster changes it by the difference of two measured
//! distances: so it is known without measuring points that stay where they are, and nothing larger than itself is ever
//! subtracted from it, however tight the clusters are.

use std::borrow::Cow;

use ndarray::{Array2, ArrayView1};

use super::communicator::Communicator;
use crate::backend::GroupSums;
use crate::base::error::{Error, Finding, Result};
use crate::base::numeric::as_real;

/// Sums by cluster.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sums {
    dim: usize,
    /// `[k, dim]`, less the centre.
    values: Vec<f64>,
    /// Points of each.
    counts: Vec<u64>,
}

impl Sums {
    /// No points in any cluster.
    pub(super) fn none(clusters: usize, dim: usize) -> Result<Self> {
        let mut values = Vec::new();
        let length = clusters.checked_mul(dim).filter(|&length| values.try_reserve_exact(length).is_ok());
        let Some(length) = length else { return Err(no_memory(clusters, dim)) };
        values.resize(length, 0.0);
        Ok(Sums { dim, values, counts: vec![0; clusters] })
    }

    /// As they were kept.
    pub(super) fn of(dim: usize, values: Vec<f64>, counts: Vec<u64>) -> Self {
        Sums { dim, values, counts }
    }

    /// `[k, dim]`
    pub(super) fn values(&self) -> &[f64] {
        &self.values
    }

    /// Points of each cluster.
    pub(super) fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// A point comes to a cluster.
    pub(super) fn count_in(&mut self, cluster: u32) {
        self.counts[cluster as usize] += 1;
    }

    /// A point leaves a cluster.
    pub(super) fn count_out(&mut self, cluster: u32) {
        self.counts[cluster as usize] -= 1;
    }

    /// Points that were counted in.
    pub(super) fn add(&mut self, groups: &GroupSums) {
        self.each(groups, |sum, value| *sum += value);
    }

    /// Points that were counted out.
    pub(super) fn subtract(&mut self, groups: &GroupSums) {
        self.each(groups, |sum, value| *sum -= value);
        for &cluster in &groups.clusters {
            if self.counts[cluster as usize] == 0 {
                // exactly nothing, whatever was lost on the way
                self.values[cluster as usize * self.dim..][..self.dim].fill(0.0);
            }
        }
    }

    fn each(&mut self, groups: &GroupSums, change: impl Fn(&mut f64, f64)) {
        for (&cluster, sum) in groups.clusters.iter().zip(groups.sums.chunks(self.dim.max(1))) {
            let at = &mut self.values[cluster as usize * self.dim..][..self.dim];
            at.iter_mut().zip(sum).for_each(|(at, &value)| change(at, value));
        }
    }

    /// Over the whole communicator.
    pub(super) fn over(&self, communicator: &dyn Communicator) -> Result<Cow<'_, Sums>> {
        if communicator.size() == 1 {
            return Ok(Cow::Borrowed(self));
        }
        let mut all = self.clone();
        communicator.all_reduce(&mut all.values)?;
        let mut counts: Vec<f64> = self.counts.iter().map(|&count| as_real(count)).collect();
        communicator.all_reduce(&mut counts)?;
        all.counts = counts.into_iter().map(whole).collect();
        Ok(Cow::Owned(all))
    }

    /// Clusters without points.
    pub(super) fn empty(&self) -> u64 {
        self.counts.iter().filter(|&&count| count == 0).count() as u64
    }

    /// The means; those of empty clusters are what they are `before`.
    pub(super) fn means(&self, centre: &[f64], before: &Array2<f64>) -> Array2<f64> {
        let mut means = before.clone();
        for (cluster, mut mean) in means.outer_iter_mut().enumerate().filter(|(cluster, _)| self.counts[*cluster] > 0) {
            let count = as_real(self.counts[cluster]);
            let sum = &self.values[cluster * self.dim..][..self.dim];
            mean.iter_mut().zip(centre).zip(sum).for_each(|((mean, centre), sum)| *mean = centre + sum / count);
        }
        means
    }

    /// By how much the sum of squared distances falls when centroids move from `before` to the means.
    pub(super) fn gain(&self, before: &Array2<f64>, means: &Array2<f64>) -> f64 {
        let moved = before.outer_iter().zip(means.outer_iter()).map(|(before, mean)| squared(before, mean));
        self.counts.iter().zip(moved).map(|(&count, squared)| as_real(count) * squared).sum()
    }
}

/// Squared distance of two rows, in eight chains so that it is fast.
pub(super) fn squared(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> f64 {
    let (Some(a), Some(b)) = (a.to_slice(), b.to_slice()) else {
        return a.iter().zip(&b).map(|(a, b)| (a - b) * (a - b)).sum();
    };
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += (a - b) * (a - b);
        }
    }
    sums.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(|(a, b)| (a - b) * (a - b)).sum::<f64>()
}

/// A number that is a count.
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
    fn means_and_what_they_gain_follow_from_the_sums() {
        // 1, 2 | 10: centre 4, deviations -3, -2 | 6
        let mut sums = Sums::none(3, 1).expect("memory");
        sums.add(&GroupSums { clusters: vec![0, 2], sums: vec![-5.0, 6.0] });
        [0, 0, 2].into_iter().for_each(|cluster| sums.count_in(cluster));
        let centroids = array![[0.0], [77.0], [11.0]];
        let means = sums.means(&[4.0], &centroids);
        assert_eq!(means, array![[1.5], [77.0], [10.0]]);
        // from 1 + 4 + 1 to 1/4 + 1/4 + 0
        assert_eq!(sums.gain(&centroids, &means), 5.5);
        assert_eq!(sums.empty(), 1);
        sums.count_out(2);
        sums.subtract(&GroupSums { clusters: vec![2], sums: vec![5.9] });
        assert_eq!(sums.values()[2], 0.0, "an empty cluster has no sum");
    }
}
