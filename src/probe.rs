//! Random data for a device and the same figures in float64 by the definition, sharing no code with any backend.

use std::collections::BTreeMap;

use half::f16;
use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_distr::StandardNormal;
use rand_pcg::Pcg64;

use crate::backend::{Backend, Job, TileObservation, Tiling, UNLABELLED};
use crate::error::Result;
use crate::matrix::{Dtype, MatrixView};

/// Relative error allowed to sums (the crate's accuracy contract).
const SUMS: f64 = 1e-6;
/// Relative error allowed to single distances, which are stored as float32.
const DISTANCES: f64 = 1e-5;

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
    /// Whether centroids are float64, with digits that float32 does not have.
    pub double_centroids: bool,
    /// Mean of every column.
    pub offset: f64,
    /// Deviation of every column.
    pub deviation: f64,
}

const fn case(rows: usize, dim: usize, clusters: usize, dtype: Dtype, double: bool, offset: f64) -> Case {
    Case { rows, dim, clusters, dtype, double_centroids: double, offset, deviation: 1.0 }
}

/// What `clustrata check` runs: odd sizes, every element type, a common offset.
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
    // float32 holds the deviation to a few percent only: a device that drops the second part of a float64 is caught
    Case { deviation: 1e-2, ..case(257, 64, 9, Dtype::F64, true, 1e4) },
];

/// How one operation did.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Name of the backend's operation, or of the sum made from it.
    pub operation: &'static str,
    /// Largest relative error; infinite where a value is missing or NaN.
    pub error: f64,
    /// Largest that is allowed.
    pub allowed: f64,
}

impl Outcome {
    /// Whether the operation is right. A NaN never is.
    pub fn passed(&self) -> bool {
        self.error <= self.allowed
    }
}

/// Random points, labels and centroids, in the precision in which the device gets them.
pub struct Data {
    bytes: Vec<u8>,
    points: Array2<f64>,
    single: Array2<f32>,
    double: Array2<f64>,
    labels: Vec<u32>,
    case: Case,
}

impl Data {
    /// Draws a case; the same seed gives the same data.
    pub fn draw(case: Case, seed: u64) -> Self {
        let mut random = Pcg64::seed_from_u64(seed);
        let mut normal = |_| case.offset + case.deviation * random.sample::<f64, _>(StandardNormal);
        let mut points = Array2::from_shape_fn((case.rows, case.dim), &mut normal);
        let mut double = Array2::from_shape_fn((case.clusters, case.dim), &mut normal);
        let bytes = points.iter_mut().flat_map(|value| store(value, case.dtype)).collect();
        let single = double.mapv(narrow);
        if !case.double_centroids {
            double = single.mapv(f64::from);
        }
        let label = |_| match random.random_range(0..20) {
            0 if case.rows > 1 => UNLABELLED,
            _ => random.random_range(0..u32::try_from(case.clusters).unwrap_or(u32::MAX)),
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

    /// Squared distance of a row to a centroid, by the definition.
    fn squared(&self, row: usize, cluster: usize) -> f64 {
        let pairs = self.points.row(row).into_iter().zip(self.double.row(cluster));
        pairs.map(|(x, c)| (x - c) * (x - c)).sum()
    }
}

/// Has `backend` do everything it can on one case.
///
/// # Errors
/// What the device fails with; a wrong result is no error but an [`Outcome`].
pub fn run(backend: &dyn Backend, case: &Case, seed: u64) -> Result<Vec<Outcome>> {
    let data = Data::draw(*case, seed);
    let job = Job {
        tile_rows: case.rows,
        keep_rows: true,
        pairwise: true,
        ..Job::new(case.dim, case.dtype, case.rows as u64, vec![data.centroids()])
    };
    let Tiling { tile_rows, .. } = backend.tiling(&job)?;
    let mut lane = backend.lane(&job, Tiling { tile_rows, lanes: 1 })?;
    let mut squared = Vec::new();
    let mut sums: BTreeMap<u32, [f64; 4]> = BTreeMap::new();
    let mut matrix = Vec::new();
    let row_bytes = case.dim * case.dtype.size();
    for (labels, bytes) in data.labels.chunks(tile_rows).zip(data.bytes.chunks(tile_rows * row_bytes)) {
        lane.staging(labels.len()).copy_from_slice(bytes);
        lane.upload()?;
        let mut seen = TileObservation::default();
        lane.own_distances(&[labels], &mut seen)?;
        let seen = seen.levels.remove(0);
        for run in runs_of(labels, &seen) {
            let sum = sums.entry(run.0).or_default();
            *sum = [sum[0] + run.1[0], sum[1] + run.1[1], sum[2] + run.1[2], sum[3].max(run.1[3])];
        }
        squared.extend(seen.squared);
        let mut block = vec![f32::NAN; labels.len() * case.clusters];
        lane.pairwise(0, 0, case.clusters, &mut block)?;
        matrix.extend(block);
    }
    Ok(vec![rows_outcome(&data, &squared), sums_outcome(&data, &sums), matrix_outcome(&data, &matrix)])
}

/// Size, inertia, sum of distances and largest squared distance of every run, or of every row where there are no runs.
fn runs_of(labels: &[u32], seen: &crate::backend::Observation) -> Vec<(u32, [f64; 4])> {
    if seen.runs.is_empty() {
        let rows = labels.iter().zip(&seen.squared).filter(|(label, _)| **label != UNLABELLED);
        return rows.map(|(&label, &s)| (label, [1.0, s, s.sqrt(), s])).collect();
    }
    let of = |r: &crate::backend::RunSums| (r.cluster, [f64::from(r.count), r.inertia, r.distance, r.max_squared]);
    seen.runs.iter().map(of).collect()
}

fn rows_outcome(data: &Data, squared: &[f64]) -> Outcome {
    let mut error = if squared.len() == data.labels.len() { 0.0 } else { f64::INFINITY };
    for (row, (&label, &got)) in data.labels.iter().zip(squared).enumerate() {
        let this = match label {
            UNLABELLED if got.is_nan() => 0.0,
            UNLABELLED => f64::INFINITY,
            label => relative(got.sqrt(), data.squared(row, label as usize).sqrt()),
        };
        error = worse(error, this);
    }
    Outcome { operation: "own_distances", error, allowed: DISTANCES }
}

fn sums_outcome(data: &Data, sums: &BTreeMap<u32, [f64; 4]>) -> Outcome {
    let mut want: BTreeMap<u32, [f64; 4]> = BTreeMap::new();
    for (row, &label) in data.labels.iter().enumerate().filter(|(_, label)| **label != UNLABELLED) {
        let s = data.squared(row, label as usize);
        let sum = want.entry(label).or_default();
        *sum = [sum[0] + 1.0, sum[1] + s, sum[2] + s.sqrt(), sum[3].max(s)];
    }
    let mut error = if want.keys().eq(sums.keys()) { 0.0 } else { f64::INFINITY };
    for (want, got) in want.values().zip(sums.values()) {
        error = want.iter().zip(got).fold(error, |error, (&want, &got)| worse(error, relative(got, want)));
    }
    Outcome { operation: "partial_inertia", error, allowed: SUMS }
}

fn matrix_outcome(data: &Data, matrix: &[f32]) -> Outcome {
    let clusters = data.case.clusters;
    let mut error = if matrix.len() == data.case.rows * clusters { 0.0 } else { f64::INFINITY };
    for (i, &got) in matrix.iter().enumerate() {
        error = worse(error, relative(f64::from(got), data.squared(i / clusters, i % clusters).sqrt()));
    }
    Outcome { operation: "pairwise", error, allowed: DISTANCES }
}

/// The larger error; NaN counts as infinite.
fn worse(a: f64, b: f64) -> f64 {
    if b.is_nan() { f64::INFINITY } else { a.max(b) }
}

fn relative(got: f64, want: f64) -> f64 {
    if got == want { 0.0 } else { (got - want).abs() / want.abs().max(f64::MIN_POSITIVE) }
}

/// Rounds a value to the stored precision and gives its bytes.
fn store(value: &mut f64, dtype: Dtype) -> Vec<u8> {
    match dtype {
        Dtype::F16 => {
            let stored = f16::from_f64(*value);
            *value = stored.to_f64();
            stored.to_le_bytes().to_vec()
        }
        Dtype::F32 => {
            let stored = narrow(*value);
            *value = f64::from(stored);
            stored.to_le_bytes().to_vec()
        }
        Dtype::F64 => value.to_le_bytes().to_vec(),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "rounding to float32 is what is meant")]
fn narrow(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::cpu::CpuBackend;

    #[test]
    fn the_cpu_backend_passes_every_case() {
        let backend = CpuBackend::new(None);
        for (seed, case) in CASES.iter().enumerate() {
            for outcome in run(&backend, case, seed as u64).expect("the CPU never fails") {
                assert!(outcome.passed(), "{case:?}: {outcome:?}");
            }
        }
    }

    #[test]
    fn a_wrong_result_fails() {
        let data = Data::draw(CASES[3], 1);
        let mut squared: Vec<f64> = (0..data.labels.len())
            .map(|row| match data.labels[row] {
                UNLABELLED => f64::NAN,
                label => data.squared(row, label as usize),
            })
            .collect();
        assert!(rows_outcome(&data, &squared).passed());
        let labelled = data.labels.iter().position(|&l| l != UNLABELLED).expect("some row has a label");
        squared[labelled] *= 1.0 + 4e-5;
        assert!(!rows_outcome(&data, &squared).passed());
        squared[labelled] = f64::NAN;
        assert!(!rows_outcome(&data, &squared).passed());
        assert!(!sums_outcome(&data, &BTreeMap::new()).passed());
        assert!(!matrix_outcome(&data, &[]).passed());
    }
}
