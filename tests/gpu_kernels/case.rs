//! Cases, the naive float64 answer to them, and the comparison.

use clustrata::backend::gpu::{AdapterListing, GpuBackend, GpuOptions, KernelShape, adapters};
use clustrata::backend::{Backend, Job, TileObservation, UNLABELLED};
use clustrata::base::error::Result;
use clustrata::base::matrix::{Dtype, MatrixView};
use ndarray::Array2;

use crate::adapter::assert_expected;
pub(crate) use crate::drawn::{Random, Stored as Points};

/// Centroids as they are stored.
pub(crate) enum Centroids {
    F32(Array2<f32>),
    F64(Array2<f64>),
}

impl Centroids {
    pub(crate) fn new(wide: bool, k: usize, dim: usize, mut value: impl FnMut() -> f64) -> Centroids {
        let values = Array2::from_shape_simple_fn((k, dim), &mut value);
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

    pub(crate) fn perturb(&mut self, row: usize) {
        match self {
            Centroids::F32(values) => values[[row, 0]] += 0.25,
            Centroids::F64(values) => values[[row, 0]] += 0.25,
        }
    }
}

pub(crate) fn naive(point: &[f64], centroid: &[f64]) -> f64 {
    point.iter().zip(centroid).map(|(x, c)| (x - c).powi(2)).sum()
}

/// One case: points in tiles, levels with labels.
pub(crate) struct Case {
    pub(crate) points: Points,
    pub(crate) levels: Vec<(Centroids, Vec<u32>)>,
    pub(crate) tile_rows: usize,
    pub(crate) keep_rows: bool,
}

/// The backend's results, tile by tile.
pub(crate) type Answers = Vec<(usize, TileObservation)>;

impl Case {
    pub(crate) fn job(&self) -> Job<'_> {
        let levels = self.levels.iter().map(|(centroids, _)| centroids.view()).collect();
        let job = Job::new(self.points.dim, self.points.dtype, self.points.rows() as u64, levels);
        Job { tile_rows: self.tile_rows, keep_rows: self.keep_rows, ..job }
    }

    /// Runs all tiles through two lanes in turn, so that buffers are reused.
    pub(crate) fn run(&self, backend: &GpuBackend) -> Result<Answers> {
        let job = self.job();
        let tiling = backend.tiling(&job)?;
        let mut lanes = [backend.lane(&job, tiling)?, backend.lane(&job, tiling)?];
        let row_bytes = self.points.dim * self.points.dtype.size();
        let mut answers = Answers::new();
        for (number, first) in (0..self.points.rows()).step_by(tiling.tile_rows).enumerate() {
            let rows = tiling.tile_rows.min(self.points.rows() - first);
            let lane = &mut lanes[number % 2];
            lane.staging(rows).copy_from_slice(&self.points.bytes[first * row_bytes..(first + rows) * row_bytes]);
            lane.upload()?;
            let labels: Vec<&[u32]> = self.levels.iter().map(|(_, labels)| &labels[first..first + rows]).collect();
            let mut out = TileObservation::default();
            lane.own_distances(&labels, &mut out)?;
            answers.push((first, out));
        }
        Ok(answers)
    }

    /// The largest relative error of any cluster's sums and of any row, against the naive loop. Any other error (a wrong
    /// count, a cluster that should be empty, a NaN) is infinite.
    pub(crate) fn errors(&self, answers: &Answers) -> Errors {
        let mut errors = Errors::default();
        for (level, (centroids, labels)) in self.levels.iter().enumerate() {
            let k = centroids.view().rows();
            let mut expected = vec![Sums::default(); k];
            let mut given = vec![Sums::default(); k];
            let mut squared = vec![f64::NAN; labels.len()];
            for (row, &label) in labels.iter().enumerate() {
                let point = self.points.row(row);
                if label != UNLABELLED && point.iter().all(|value| value.is_finite()) {
                    squared[row] = naive(point, &centroids.row(label as usize));
                    expected[label as usize].add(1, squared[row], squared[row].sqrt(), squared[row]);
                }
            }
            for (first, answer) in answers {
                let answer = &answer.levels[level];
                for run in &answer.runs {
                    given[run.cluster as usize].add(run.count, run.inertia, run.distance, run.max_squared);
                }
                for (row, &value) in answer.squared.iter().enumerate() {
                    errors.row.take(squared[first + row], value);
                }
            }
            for (expected, given) in expected.iter().zip(&given) {
                errors.sums.take(f64::from(expected.count), f64::from(given.count));
                errors.sums.take(expected.inertia, given.inertia);
                errors.sums.take(expected.distance, given.distance);
                errors.row.take(expected.max_squared, given.max_squared);
            }
        }
        let kept =
            answers.iter().flat_map(|(_, answer)| &answer.levels).map(|level| level.squared.len()).sum::<usize>();
        let wanted = if self.keep_rows { self.levels.len() * self.points.rows() } else { 0 };
        errors.row.take(wanted as f64, kept as f64);
        errors
    }

    /// Fails unless every sum is within 1e-6 and every row within 1e-5, the project's contract; squared distances may be off
    /// by twice what distances may.
    pub(crate) fn assert_right(&self, backend: &GpuBackend, what: &str) -> Result<()> {
        let errors = self.errors(&self.run(backend)?);
        assert!(errors.within_contract(), "{what}: {errors:?}");
        Ok(())
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Sums {
    pub(crate) count: u32,
    pub(crate) inertia: f64,
    pub(crate) distance: f64,
    pub(crate) max_squared: f64,
}

impl Sums {
    pub(crate) fn add(&mut self, count: u32, inertia: f64, distance: f64, max_squared: f64) {
        self.count += count;
        self.inertia += inertia;
        self.distance += distance;
        self.max_squared = self.max_squared.max(max_squared);
    }
}

/// The largest relative error seen.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Worst(pub(crate) f64);

impl Worst {
    pub(crate) fn take(&mut self, expected: f64, given: f64) {
        let error = match (expected.is_nan(), given.is_nan()) {
            (true, true) => 0.0,
            (false, false) if expected == given => 0.0,
            (false, false) if expected == 0.0 => f64::INFINITY,
            (false, false) => (given - expected).abs() / expected.abs(),
            _ => f64::INFINITY,
        };
        self.0 = self.0.max(if error.is_nan() { f64::INFINITY } else { error });
    }
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Errors {
    pub(crate) sums: Worst,
    pub(crate) row: Worst,
}

impl Errors {
    pub(crate) fn within_contract(&self) -> bool {
        self.sums.0 <= 1e-6 && self.row.0 <= 2e-5
    }
}

/// Every usable adapter. Prints the ones that it skips.
///
/// # Panics
/// If the adapter that `script/test` expects is missing.
pub(crate) fn usable() -> Vec<AdapterListing> {
    let all = adapters();
    if all.is_empty() {
        eprintln!("skipped: no Vulkan/Metal/DX12 adapter");
    }
    for listing in &all {
        if let Some(reason) = &listing.unusable {
            eprintln!("skipped: {} ({}): {reason}", listing.info.name, listing.info.api);
        }
    }
    let usable: Vec<_> = all.into_iter().filter(|listing| listing.unusable.is_none()).collect();
    assert_expected(usable.iter().map(|listing| listing.info.name.as_str()));
    usable
}

/// Opens every usable adapter with `options`, per invocation and as a workgroup tile, and runs `test` on each.
pub(crate) fn on_every_adapter(options: &GpuOptions, test: impl Fn(&GpuBackend, &str) -> Result<()>) -> Result<()> {
    let small = [KernelShape::PerInvocation, KernelShape::WorkgroupTile];
    in_shapes(|shape| small.contains(&shape), options, test)
}

/// As [`on_every_adapter`], in the shapes that only searches have.
pub(crate) fn in_larger_shapes(options: &GpuOptions, test: impl Fn(&GpuBackend, &str) -> Result<()>) -> Result<()> {
    let small = [KernelShape::PerInvocation, KernelShape::WorkgroupTile];
    in_shapes(|shape| !small.contains(&shape), options, test)
}

/// As [`on_every_adapter`], once with each kernel of sums of distances.
pub(crate) fn in_shapes_of_sums(options: &GpuOptions, test: impl Fn(&GpuBackend, &str) -> Result<()>) -> Result<()> {
    let different = [KernelShape::PerInvocation, KernelShape::RegisterTile];
    in_shapes(|shape| different.contains(&shape), options, test)
}

fn in_shapes(
    wanted: impl Fn(KernelShape) -> bool,
    options: &GpuOptions,
    test: impl Fn(&GpuBackend, &str) -> Result<()>,
) -> Result<()> {
    for listing in usable() {
        let shapes = GpuBackend::open(listing.index, options.clone())?.kernel_shapes();
        for kernel_shape in shapes.into_iter().filter(|&shape| wanted(shape)) {
            let backend = GpuBackend::open(listing.index, GpuOptions { kernel_shape, ..options.clone() })?;
            test(&backend, &format!("{} {kernel_shape:?}", listing.info.name))?;
        }
    }
    Ok(())
}

/// Random points around random centroids; one row in seven has no label and some clusters stay empty.
pub(crate) fn random_case(
    seed: u64,
    (rows, dim, k): (usize, usize, usize),
    dtype: Dtype,
    wide: bool,
    offset: f64,
) -> Case {
    let mut random = Random(seed);
    let points = Points::new(dtype, dim, (0..rows * dim).map(|_| offset + random.normal()));
    let labels = (0..rows).map(|row| match row % 7 {
        6 => UNLABELLED,
        _ => random.below(k.div_ceil(2)) as u32,
    });
    let labels: Vec<u32> = labels.collect();
    let centroids = Centroids::new(wide, k, dim, || offset + random.normal());
    Case { points, levels: vec![(centroids, labels)], tile_rows: 0, keep_rows: true }
}

pub(crate) const DTYPES: [Dtype; 3] = [Dtype::F16, Dtype::F32, Dtype::F64];
