//! Sums of the points, from which the means are computed.

use crate::backend::GroupSums;
use crate::base::double_double;

/// Number of values from which the sums of a tile are added by several threads. Fewer are added before other threads wake.
const PARALLEL: usize = 1 << 16;

/// Sums of the points of each cluster of one level, in double-double arithmetic.
#[derive(Debug, Clone, PartialEq)]
pub struct PointSums {
    dim: usize,
    /// `[k, dim]`
    sums: Vec<f64>,
    /// What the sums cannot hold, in the same shape.
    rests: Vec<f64>,
}

impl PointSums {
    /// Sums over no points, for `clusters` clusters; `None` if they don't fit into memory.
    pub fn identity(clusters: usize, dim: usize) -> Option<Self> {
        let length = clusters.checked_mul(dim)?;
        let (mut sums, mut rests) = (Vec::new(), Vec::new());
        for values in [&mut sums, &mut rests] {
            values.try_reserve_exact(length).ok()?;
            values.resize(length, 0.0);
        }
        Some(PointSums { dim, sums, rests })
    }

    /// Adds the sum over points of one cluster, `[dim]` each.
    pub fn add(&mut self, cluster: usize, sum: (&[f64], &[f64])) {
        double_double::add(self.of_mut(cluster), sum);
    }

    /// Subtracts the sum over points of one cluster, `[dim]` each.
    pub fn subtract(&mut self, cluster: usize, sum: (&[f64], &[f64])) {
        double_double::subtract(self.of_mut(cluster), sum);
    }

    /// Adds the sums of a tile's clusters. Many are shared out among the threads of the rayon pool: where a device is fast, this
    /// is what all its lanes wait for. Every cluster is still added in the order of the calls, so the bits stay.
    pub fn add_groups(&mut self, groups: &GroupSums) {
        self.each_group(groups, double_double::add);
    }

    /// Subtracts the sums of a tile's clusters, as [`add_groups`](Self::add_groups) adds them.
    pub fn subtract_groups(&mut self, groups: &GroupSums) {
        self.each_group(groups, double_double::subtract);
    }

    fn each_group(&mut self, groups: &GroupSums, step: Step) {
        let part = Part { first: 0, sums: &mut self.sums, rests: &mut self.rests };
        part.apply(self.dim, (&groups.clusters, &groups.sums, &groups.rests), step);
    }

    /// Dimension d.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Sum of one cluster and its rest, `[dim]` each.
    pub fn of(&self, cluster: usize) -> (&[f64], &[f64]) {
        let place = cluster * self.dim..(cluster + 1) * self.dim;
        (&self.sums[place.clone()], &self.rests[place])
    }

    /// The same, to be changed.
    pub fn of_mut(&mut self, cluster: usize) -> (&mut [f64], &mut [f64]) {
        let place = cluster * self.dim..(cluster + 1) * self.dim;
        (&mut self.sums[place.clone()], &mut self.rests[place])
    }

    /// Mean of the `count` points of one cluster.
    pub fn mean(&self, cluster: usize, count: u64) -> impl Iterator<Item = f64> {
        let (sums, rests) = self.of(cluster);
        sums.iter().zip(rests).map(move |(&sum, &rest)| double_double::mean(sum, rest, count))
    }

    /// Means of all clusters, `[k, dim]`, in the memory of the sums. `counts` are their numbers of points; an empty cluster
    /// keeps its sum of zero.
    pub fn into_means(mut self, counts: impl Iterator<Item = u64>) -> Vec<f64> {
        let rows = self.sums.chunks_mut(self.dim.max(1)).zip(self.rests.chunks(self.dim.max(1)));
        for ((sums, rests), count) in rows.zip(counts).filter(|(_, count)| *count > 0) {
            sums.iter_mut().zip(rests).for_each(|(sum, &rest)| *sum = double_double::mean(*sum, rest, count));
        }
        self.sums
    }

    /// Sums of the level above, which has `clusters` clusters: `parent[c]` is the parent of cluster c. `None` if they don't
    /// fit into memory.
    pub fn lifted(&self, parent: &[u32], clusters: usize) -> Option<Self> {
        let mut above = PointSums::identity(clusters, self.dim)?;
        for (child, &parent) in parent.iter().enumerate() {
            if parent != u32::MAX {
                above.add(parent as usize, self.of(child));
            }
        }
        Some(above)
    }

    /// Adds the sums over other points of the same level.
    pub fn combine(&mut self, other: &PointSums) {
        assert_eq!(self.sums.len(), other.sums.len(), "parts of one level have the same clusters and columns");
        double_double::add((&mut self.sums, &mut self.rests), (&other.sums, &other.rests));
    }

    /// From sums and rests, `[k, dim]` each, row-major; `None` if their lengths differ.
    pub fn of_values(dim: usize, sums: Vec<f64>, rests: Vec<f64>) -> Option<Self> {
        (sums.len() == rests.len()).then_some(PointSums { dim, sums, rests })
    }

    /// Sums and rests, `[k, dim]` each, row-major.
    pub fn values(&self) -> [&[f64]; 2] {
        [&self.sums, &self.rests]
    }

    /// The same, to be changed.
    pub fn values_mut(&mut self) -> [&mut [f64]; 2] {
        [&mut self.sums, &mut self.rests]
    }
}

/// Adds values to sums, or subtracts them, each with their rests.
type Step = fn((&mut [f64], &mut [f64]), (&[f64], &[f64]));

/// The sums of consecutive clusters from `first` on, `[clusters, dim]`.
struct Part<'a> {
    first: usize,
    sums: &'a mut [f64],
    rests: &'a mut [f64],
}

impl Part<'_> {
    /// Applies the step to every group: its cluster (ascending), sum and rest. Halves of the clusters go to two threads.
    fn apply(self, dim: usize, groups: (&[u32], &[f64], &[f64]), step: Step) {
        let (clusters, sums, rests) = groups;
        let half = clusters.len() / 2;
        if half == 0 || clusters.len() * dim < PARALLEL {
            for (at, &cluster) in clusters.iter().enumerate() {
                let (own, group) = ((cluster as usize - self.first) * dim, at * dim);
                let to = (&mut self.sums[own..own + dim], &mut self.rests[own..own + dim]);
                step(to, (&sums[group..group + dim], &rests[group..group + dim]));
            }
            return;
        }
        let middle = clusters[half] as usize;
        let (own, group) = ((middle - self.first) * dim, half * dim);
        let ((low_sums, high_sums), (low_rests, high_rests)) =
            (self.sums.split_at_mut(own), self.rests.split_at_mut(own));
        let low = Part { first: self.first, sums: low_sums, rests: low_rests };
        let high = Part { first: middle, sums: high_sums, rests: high_rests };
        rayon::join(
            || low.apply(dim, (&clusters[..half], &sums[..group], &rests[..group]), step),
            || high.apply(dim, (&clusters[half..], &sums[group..], &rests[group..]), step),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_points_add_up_to_the_level_above() {
        let mut below = PointSums::identity(3, 2).expect("little memory");
        let none = [0.0; 2];
        below.add(0, (&[1.0, 2.0], &none));
        below.add(1, (&[10.0, 20.0], &none));
        below.add(2, (&[100.0, 200.0], &none));
        below.add(2, (&[1.0, 1.0], &none));
        let above = below.lifted(&[1, 0, 1], 2).expect("little memory");
        assert_eq!((above.of(0).0, above.of(1).0), ([10.0, 20.0].as_slice(), [102.0, 203.0].as_slice()));
        assert_eq!(above.mean(1, 2).collect::<Vec<f64>>(), [51.0, 101.5]);
    }

    #[test]
    fn several_threads_add_the_same_bits_as_one() {
        let (clusters, dim) = (301, 301);
        let value = |at: usize| ((at * 7919 + 13) % 1000) as f64 / 7.0 - 50.0;
        // clusters that are missing, the first and the last among them
        let there: Vec<u32> = (1..300).filter(|cluster| cluster % 5 != 2).collect();
        let values = |shift: usize| (0..there.len() * dim).map(|at| value(at + shift)).collect::<Vec<f64>>();
        let groups = GroupSums { clusters: there.clone(), sums: values(0), rests: values(5) };
        assert!(groups.sums.len() >= PARALLEL, "the groups are shared out");
        let mut shared = PointSums::identity(clusters, dim).expect("little memory");
        let mut single = shared.clone();
        for _ in 0..3 {
            shared.add_groups(&groups);
            groups.iter().for_each(|(cluster, sum)| single.add(cluster as usize, sum));
        }
        assert_eq!(shared, single);
        shared.subtract_groups(&groups);
        assert_ne!(shared, single);
        groups.iter().for_each(|(cluster, sum)| single.subtract(cluster as usize, sum));
        assert_eq!(shared, single);
    }
}
