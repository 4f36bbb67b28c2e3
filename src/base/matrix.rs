//! Element types and matrix views that inputs and backends share, and the decoder of stored rows.

use half::f16;
use ndarray::ArrayView2;

/// The label of an unassigned row.
pub const UNLABELLED: u32 = u32::MAX;

/// Element type of the embeddings on disk, always little endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
pub enum Dtype {
    /// IEEE binary16, numpy `<f2`
    #[serde(rename = "<f2")]
    F16,
    /// IEEE binary32, numpy `<f4`
    #[serde(rename = "<f4")]
    F32,
    /// IEEE binary64, numpy `<f8`
    #[serde(rename = "<f8")]
    F64,
}

impl Dtype {
    /// Bytes of one element.
    pub fn size(self) -> usize {
        match self {
            Dtype::F16 => 2,
            Dtype::F32 => 4,
            Dtype::F64 => 8,
        }
    }

    /// NumPy's name of the type.
    pub fn descr(self) -> &'static str {
        match self {
            Dtype::F16 => "<f2",
            Dtype::F32 => "<f4",
            Dtype::F64 => "<f8",
        }
    }

    /// Decodes stored elements to float64, which is exact, and passes each one to `set` together with the next of
    /// `targets`. Stops at the end of either. `bytes` need no alignment.
    pub fn decode<T>(self, bytes: &[u8], targets: impl Iterator<Item = T>, set: impl Fn(T, f64)) {
        let with = |(target, value): (T, f64)| set(target, value);
        match self {
            Dtype::F16 => {
                targets.zip(bytes.as_chunks().0.iter().map(|&b| f64::from(f16::from_le_bytes(b)))).for_each(with);
            }
            Dtype::F32 => {
                targets.zip(bytes.as_chunks().0.iter().map(|&b| f64::from(f32::from_le_bytes(b)))).for_each(with);
            }
            Dtype::F64 => targets.zip(bytes.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b))).for_each(with),
        }
    }

    /// Decodes stored elements to float64, which is exact: `out[i]` becomes element i of `bytes`.
    pub fn widen(self, bytes: &[u8], out: &mut [f64]) {
        self.decode(bytes, out.iter_mut(), |out, value| *out = value);
    }
}

/// Centroids of one level, `[k, d]`, row-major, in their stored precision. Stored float16 is widened to float32, which is
/// exact.
#[derive(Debug, Clone, Copy)]
pub enum MatrixView<'a> {
    /// stored as float16 or float32
    F32(ArrayView2<'a, f32>),
    /// stored as float64
    F64(ArrayView2<'a, f64>),
}

impl MatrixView<'_> {
    /// Number of rows, k.
    pub fn rows(&self) -> usize {
        match self {
            MatrixView::F32(m) => m.nrows(),
            MatrixView::F64(m) => m.nrows(),
        }
    }

    /// Number of columns, d.
    pub fn cols(&self) -> usize {
        match self {
            MatrixView::F32(m) => m.ncols(),
            MatrixView::F64(m) => m.ncols(),
        }
    }

    /// Copies row `row` as float64, which is exact for either storage.
    pub fn copy_row(&self, row: usize, out: &mut [f64]) {
        match self {
            MatrixView::F32(m) => out.iter_mut().zip(m.row(row)).for_each(|(o, &v)| *o = f64::from(v)),
            MatrixView::F64(m) => out.iter_mut().zip(m.row(row)).for_each(|(o, &v)| *o = v),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_type_is_decoded_from_any_address() {
        let values = [0.5, -2.0, 65504.0, 0.25];
        for (dtype, stored) in [
            (Dtype::F16, values.map(|v| f16::from_f64(v).to_le_bytes()).concat()),
            (Dtype::F32, values.map(|v| f16::from_f64(v).to_f32().to_le_bytes()).concat()),
            (Dtype::F64, values.map(f64::to_le_bytes).concat()),
        ] {
            let shifted = [&[7], &stored[..]].concat();
            for bytes in [&stored[..], &shifted[1..]] {
                let mut out = [f64::NAN; 4];
                dtype.widen(bytes, &mut out);
                assert_eq!(out, values, "{dtype:?}");
                let mut short = [f64::NAN; 2];
                dtype.decode(bytes, short.iter_mut().zip([1.0, 10.0]), |(out, by), value| *out = value * by);
                assert_eq!(short, [0.5, -20.0], "{dtype:?}");
            }
        }
    }
}
