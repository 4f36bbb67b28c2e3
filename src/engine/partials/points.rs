//! Sums of the points, from which the means are computed.

use crate::base::double_double;

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
}
