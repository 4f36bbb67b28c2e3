//! The shapes of random data that the self-test runs.

use crate::base::matrix::Dtype;

/// One shape of random data.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// Points.
    pub rows: usize,
    /// Columns.
    pub dim: usize,
    /// Clusters; labels are drawn uniformly, so some may be empty.
    pub clusters: usize,
    /// Element type of the points.
    pub dtype: Dtype,
    /// Whether centroids are float64 with digits that float32 can't hold.
    pub double_centroids: bool,
    /// Mean of each column.
    pub offset: f64,
    /// Standard deviation of each column.
    pub deviation: f64,
}

const fn case(rows: usize, dim: usize, clusters: usize, dtype: Dtype, double: bool, offset: f64) -> Case {
    Case { rows, dim, clusters, dtype, double_centroids: double, offset, deviation: 1.0 }
}

/// The cases of `clustrata check`: odd sizes, every element type, a common offset.
pub const CASES: &[Case] = &[
    case(1, 1, 1, Dtype::F32, false, 0.0),
    case(63, 2, 2, Dtype::F32, true, 0.0),
    case(65, 33, 7, Dtype::F16, false, 0.0),
    case(1031, 64, 1031, Dtype::F32, false, 0.0),
    case(1031, 768, 31, Dtype::F32, false, 100.0),
    case(1031, 768, 31, Dtype::F32, true, 100.0),
    case(1031, 768, 31, Dtype::F64, true, 100.0),
    case(1031, 1023, 5, Dtype::F16, true, 100.0),
    case(8193, 256, 100, Dtype::F32, true, 0.0),
    // float32 resolves this deviation to a few percent only, so a device that drops the lo parts of a float64 fails.
    Case { deviation: 1e-2, ..case(257, 64, 9, Dtype::F64, true, 1e4) },
];
