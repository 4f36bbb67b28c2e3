//! Data for the CPU backend's operations, and the definition of a distance in float64.

use clustrata::base::matrix::{Dtype, MatrixView};
use half::f16;
use ndarray::Array2;

/// A small generator with fixed output, so that data never depends on a crate's version (SplitMix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Between 0 and 1.
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Nearly normal: mean 0, deviation 1.
    pub(crate) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.bits() % bound as u64) as usize
    }
}

/// Points as they are stored, with their exact values.
pub(crate) struct Points {
    pub(crate) dtype: Dtype,
    pub(crate) dim: usize,
    pub(crate) bytes: Vec<u8>,
    pub(crate) values: Vec<f64>,
}

impl Points {
    pub(crate) fn new(dtype: Dtype, dim: usize, wanted: &[f64]) -> Points {
        let mut points = Points { dtype, dim, bytes: Vec::new(), values: Vec::new() };
        for &value in wanted {
            match dtype {
                Dtype::F16 => points.bytes.extend(f16::from_f64(value).to_le_bytes()),
                Dtype::F32 => points.bytes.extend((value as f32).to_le_bytes()),
                Dtype::F64 => points.bytes.extend(value.to_le_bytes()),
            }
            points.values.push(match dtype {
                Dtype::F16 => f64::from(f16::from_f64(value)),
                Dtype::F32 => f64::from(value as f32),
                Dtype::F64 => value,
            });
        }
        points
    }

    pub(crate) fn rows(&self) -> usize {
        self.values.len() / self.dim
    }

    pub(crate) fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.dim..][..self.dim]
    }

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
