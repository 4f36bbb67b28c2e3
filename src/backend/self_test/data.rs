//! Random points, labels and centroids.

use half::f16;
use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_distr::StandardNormal;
use rand_pcg::Pcg64;

use super::case::Case;
use crate::backend::UNLABELLED;
use crate::base::matrix::{Dtype, MatrixView};
use crate::base::numeric::{to_f32, to_u32};

/// Random points, labels and centroids, rounded to the precision that the device reads.
pub struct Data {
    pub(super) bytes: Vec<u8>,
    /// Exactly the values that the device reads.
    pub(super) points: Array2<f64>,
    single: Array2<f32>,
    double: Array2<f64>,
    pub(super) labels: Vec<u32>,
    pub(super) case: Case,
}

impl Data {
    /// Draws a case; the same seed gives the same data.
    pub fn draw(case: Case, seed: u64) -> Self {
        let mut random = Pcg64::seed_from_u64(seed);
        let mut normal = |_| case.offset + case.deviation * random.sample::<f64, _>(StandardNormal);
        let mut points = Array2::from_shape_fn((case.rows, case.dim), &mut normal);
        let mut double = Array2::from_shape_fn((case.clusters, case.dim), &mut normal);
        let bytes = points.iter_mut().flat_map(|value| store(value, case.dtype)).collect();
        let single = double.mapv(to_f32);
        if !case.double_centroids {
            double = single.mapv(f64::from);
        }
        let label = |_| match random.random_range(0..20) {
            0 if case.rows > 1 => UNLABELLED,
            _ => random.random_range(0..to_u32(case.clusters)),
        };
        let labels = (0..case.rows).map(label).collect();
        Data { bytes, points, single, double, labels, case }
    }

    /// The stored centroids.
    pub fn centroids(&self) -> MatrixView<'_> {
        if self.case.double_centroids {
            MatrixView::F64(self.double.view())
        } else {
            MatrixView::F32(self.single.view())
        }
    }

    /// Mean of the centroids.
    pub(super) fn centre(&self) -> Vec<f64> {
        self.double.mean_axis(ndarray::Axis(0)).map_or(Vec::new(), |mean| mean.to_vec())
    }

    /// Clusters to search: all but the last one, if there are more than two.
    pub(super) fn searched(&self) -> Vec<u32> {
        let all = self.case.clusters;
        (0..).take(if all > 2 { all - 1 } else { all }).collect()
    }

    /// A centroid, exactly as the device reads it.
    pub(super) fn centroid(&self, cluster: usize) -> ndarray::ArrayView1<'_, f64> {
        self.double.row(cluster)
    }

    /// Squared distance of a row to a centroid, by definition.
    pub(super) fn squared(&self, row: usize, cluster: usize) -> f64 {
        let pairs = self.points.row(row).into_iter().zip(self.double.row(cluster));
        pairs.map(|(x, c)| (x - c) * (x - c)).sum()
    }
}

/// Rounds a value to the stored precision and returns its bytes.
fn store(value: &mut f64, dtype: Dtype) -> Vec<u8> {
    match dtype {
        Dtype::F16 => {
            let stored = f16::from_f64(*value);
            *value = stored.to_f64();
            stored.to_le_bytes().to_vec()
        }
        Dtype::F32 => {
            let stored = to_f32(*value);
            *value = f64::from(stored);
            stored.to_le_bytes().to_vec()
        }
        Dtype::F64 => value.to_le_bytes().to_vec(),
    }
}
