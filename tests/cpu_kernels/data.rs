//! Data for the CPU backend's operations, and the definition of a distance in float64.

use clustrata::base::matrix::MatrixView;
use ndarray::Array2;

pub(crate) use crate::drawn::{Random, Stored as Points};

impl Points {
    /// Mean of every column.
    pub(crate) fn mean(&self) -> Vec<f64> {
        let mut mean = vec![0.0; self.dim];
        for row in self.values.chunks(self.dim) {
            mean.iter_mut().zip(row).for_each(|(m, v)| *m += v / self.rows() as f64);
        }
        mean
    }
}

/// Centroids as they are stored.
pub(crate) enum Centroids {
    F32(Array2<f32>),
    F64(Array2<f64>),
}

impl Centroids {
    pub(crate) fn new(wide: bool, dim: usize, values: &[f64]) -> Centroids {
        let shape = (values.len() / dim, dim);
        let values = Array2::from_shape_vec(shape, values.to_vec()).expect("whole rows");
        if wide { Centroids::F64(values) } else { Centroids::F32(values.mapv(|v| v as f32)) }
    }

    pub(crate) fn view(&self) -> MatrixView<'_> {
        match self {
            Centroids::F32(values) => MatrixView::F32(values.view()),
            Centroids::F64(values) => MatrixView::F64(values.view()),
        }
    }

    pub(crate) fn row(&self, row: usize) -> Vec<f64> {
        match self {
            Centroids::F32(values) => values.row(row).iter().map(|&v| f64::from(v)).collect(),
            Centroids::F64(values) => values.row(row).to_vec(),
        }
    }
}

/// The definition.
pub(crate) fn squared(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum()
}
