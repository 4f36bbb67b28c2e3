//! Drawn data: a generator with fixed output, and rows as a file stores them.
#![allow(dead_code, reason = "every test binary uses a part of it")]
#![allow(clippy::cast_possible_truncation, reason = "test data is made by rounding")]

use std::borrow::Borrow;

use clustrata::base::matrix::Dtype;
use half::f16;

/// SplitMix64 (Steele et al. 2014): data never depends on a crate's version.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn bits(&mut self) -> u64 {
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

/// Rows as they are stored, with their exact values.
#[derive(Clone)]
pub(crate) struct Stored {
    pub(crate) dtype: Dtype,
    pub(crate) dim: usize,
    pub(crate) bytes: Vec<u8>,
    pub(crate) values: Vec<f64>,
}

impl Stored {
    pub(crate) fn new(dtype: Dtype, dim: usize, wanted: impl IntoIterator<Item = impl Borrow<f64>>) -> Stored {
        let mut rows = Stored { dtype, dim, bytes: Vec::new(), values: Vec::new() };
        for value in wanted {
            let value = *value.borrow();
            match dtype {
                Dtype::F16 => {
                    let stored = f16::from_f64(value);
                    rows.bytes.extend(stored.to_le_bytes());
                    rows.values.push(f64::from(stored));
                }
                Dtype::F32 => {
                    rows.bytes.extend((value as f32).to_le_bytes());
                    rows.values.push(f64::from(value as f32));
                }
                Dtype::F64 => {
                    rows.bytes.extend(value.to_le_bytes());
                    rows.values.push(value);
                }
            }
        }
        rows
    }

    pub(crate) fn rows(&self) -> usize {
        self.values.len() / self.dim
    }

    pub(crate) fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.dim..][..self.dim]
    }
}
