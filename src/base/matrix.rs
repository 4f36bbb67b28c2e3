//! The element types and matrix views that inputs and backends share.

use ndarray::ArrayView2;

/// The label of a row that is in no cluster.
pub const UNLABELLED: u32 = u32::MAX;

/// Element type of the embeddings as they lie on disk; always little endian.
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

    /// numpy's name of it.
    pub fn descr(self) -> &'static str {
        match self {
            Dtype::F16 => "<f2",
            Dtype::F32 => "<f4",
            Dtype::F64 => "<f8",
        }
    }
}

/// Centroids of one level, `[k, d]`, row-major, as stored (float16 is widened to float32, which is exact).
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
