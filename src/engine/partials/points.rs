//! Sums of the points, from which the means are computed.

/// Sums of the points, minus a common centre, of each cluster of one level.
#[derive(Debug, Clone, PartialEq)]
pub struct PointSums {
    dim: usize,
    /// `[k, dim]`
    sums: Vec<f64>,
}

impl PointSums {
    /// Sums over no points, for `clusters` clusters; `None` if they don't fit into memory.
    pub fn identity(clusters: usize, dim: usize) -> Option<Self> {
        let length = clusters.checked_mul(dim)?;
        let mut sums = Vec::new();
        sums.try_reserve_exact(length).ok()?;
        sums.resize(length, 0.0);
        Some(PointSums { dim, sums })
    }

    /// Adds the sum over points of one cluster, `[dim]`.
    pub fn add(&mut self, cluster: usize, sum: &[f64]) {
        let at = &mut self.sums[cluster * self.dim..][..self.dim];
        at.iter_mut().zip(sum).for_each(|(at, sum)| *at += sum);
    }

    /// Dimension d.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Sum of one cluster, `[dim]`.
    pub fn of(&self, cluster: usize) -> &[f64] {
        &self.sums[cluster * self.dim..][..self.dim]
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
        self.sums.iter_mut().zip(&other.sums).for_each(|(a, b)| *a += b);
    }

    /// From `[k, dim]`, row-major.
    pub fn of_values(dim: usize, sums: Vec<f64>) -> Self {
        PointSums { dim, sums }
    }

    /// `[k, dim]`, row-major.
    pub fn values(&self) -> &[f64] {
        &self.sums
    }

    /// `[k, dim]`, row-major.
    pub fn into_values(self) -> Vec<f64> {
        self.sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_points_add_up_to_the_level_above() {
        let mut below = PointSums::identity(3, 2).expect("little memory");
        below.add(0, &[1.0, 2.0]);
        below.add(1, &[10.0, 20.0]);
        below.add(2, &[100.0, 200.0]);
        below.add(2, &[1.0, 1.0]);
        let above = below.lifted(&[1, 0, 1], 2).expect("little memory");
        assert_eq!((above.of(0), above.of(1)), ([10.0, 20.0].as_slice(), [102.0, 203.0].as_slice()));
    }
}
