//! The kernels on every adapter of this machine, against a naive float64 loop that shares no code with them.
#![cfg(feature = "gpu")]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]
#![allow(clippy::cast_possible_truncation, reason = "test data is made by rounding")]

use clustrata::backend::gpu::{AdapterListing, GpuBackend, GpuOptions, KernelShape, adapters};
use clustrata::backend::{Backend, Job, TileObservation, UNLABELLED};
use clustrata::error::{Kind, Result};
use clustrata::matrix::{Dtype, MatrixView};
use half::f16;
use ndarray::Array2;

/// A small generator with fixed output, so that data never depends on a crate's version.
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Nearly normal: mean 0, deviation 1.
    fn normal(&mut self) -> f64 {
        let uniform = |bits: u64| (bits >> 11) as f64 / (1_u64 << 53) as f64;
        (0..12).map(|_| uniform(self.bits())).sum::<f64>() - 6.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.bits() % bound as u64) as usize
    }
}

/// Points as they are stored, with their exact values.
#[derive(Clone)]
struct Points {
    dtype: Dtype,
    dim: usize,
    bytes: Vec<u8>,
    values: Vec<f64>,
}

impl Points {
    fn new(dtype: Dtype, dim: usize, wanted: impl Iterator<Item = f64>) -> Points {
        let mut points = Points { dtype, dim, bytes: Vec::new(), values: Vec::new() };
        for value in wanted {
            match dtype {
                Dtype::F16 => {
                    let stored = f16::from_f64(value);
                    points.bytes.extend(stored.to_le_bytes());
                    points.values.push(f64::from(stored));
                }
                Dtype::F32 => {
                    points.bytes.extend((value as f32).to_le_bytes());
                    points.values.push(f64::from(value as f32));
                }
                Dtype::F64 => {
                    points.bytes.extend(value.to_le_bytes());
                    points.values.push(value);
                }
            }
        }
        points
    }

    fn rows(&self) -> usize {
        self.values.len() / self.dim
    }

    fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.dim..(row + 1) * self.dim]
    }
}

/// Centroids as they are stored.
enum Centroids {
    F32(Array2<f32>),
    F64(Array2<f64>),
}

impl Centroids {
    fn new(wide: bool, k: usize, dim: usize, mut value: impl FnMut() -> f64) -> Centroids {
        let values = Array2::from_shape_simple_fn((k, dim), &mut value);
        if wide { Centroids::F64(values) } else { Centroids::F32(values.mapv(|v| v as f32)) }
    }

    fn view(&self) -> MatrixView<'_> {
        match self {
            Centroids::F32(values) => MatrixView::F32(values.view()),
            Centroids::F64(values) => MatrixView::F64(values.view()),
        }
    }

    fn row(&self, row: usize) -> Vec<f64> {
        match self {
            Centroids::F32(values) => values.row(row).iter().map(|&v| f64::from(v)).collect(),
            Centroids::F64(values) => values.row(row).to_vec(),
        }
    }

    fn perturb(&mut self, row: usize) {
        match self {
            Centroids::F32(values) => values[[row, 0]] += 0.25,
            Centroids::F64(values) => values[[row, 0]] += 0.25,
        }
    }
}

fn naive(point: &[f64], centroid: &[f64]) -> f64 {
    point.iter().zip(centroid).map(|(x, c)| (x - c).powi(2)).sum()
}

/// One case: points in tiles, levels with labels.
struct Case {
    points: Points,
    levels: Vec<(Centroids, Vec<u32>)>,
    tile_rows: usize,
    keep_rows: bool,
}

/// What the backend says, tile after tile.
type Answers = Vec<(usize, TileObservation)>;

impl Case {
    fn job(&self) -> Job<'_> {
        Job {
            dim: self.points.dim,
            dtype: self.points.dtype,
            rows: self.points.rows() as u64,
            levels: self.levels.iter().map(|(centroids, _)| centroids.view()).collect(),
            tile_rows: self.tile_rows,
            keep_rows: self.keep_rows,
            pairwise: false,
        }
    }

    /// Runs all tiles through two lanes in turn, so that buffers are used again.
    fn run(&self, backend: &GpuBackend) -> Result<Answers> {
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

    /// The largest relative error of any cluster's sums and of any row, against the naive loop. An error in kind (a count, a
    /// cluster that should be empty, a NaN) is infinite.
    fn errors(&self, answers: &Answers) -> Errors {
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
    fn assert_right(&self, backend: &GpuBackend, what: &str) -> Result<()> {
        let errors = self.errors(&self.run(backend)?);
        assert!(errors.within_contract(), "{what}: {errors:?}");
        Ok(())
    }
}

#[derive(Debug, Clone, Default)]
struct Sums {
    count: u32,
    inertia: f64,
    distance: f64,
    max_squared: f64,
}

impl Sums {
    fn add(&mut self, count: u32, inertia: f64, distance: f64, max_squared: f64) {
        self.count += count;
        self.inertia += inertia;
        self.distance += distance;
        self.max_squared = self.max_squared.max(max_squared);
    }
}

/// The largest relative error seen.
#[derive(Debug, Clone, Copy, Default)]
struct Worst(f64);

impl Worst {
    fn take(&mut self, expected: f64, given: f64) {
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
struct Errors {
    sums: Worst,
    row: Worst,
}

impl Errors {
    fn within_contract(&self) -> bool {
        self.sums.0 <= 1e-6 && self.row.0 <= 2e-5
    }
}

/// Every usable adapter; says what it skips.
fn usable() -> Vec<AdapterListing> {
    let all = adapters();
    if all.is_empty() {
        eprintln!("skipped: no Vulkan/Metal/DX12 adapter");
    }
    for listing in &all {
        if let Some(reason) = &listing.unusable {
            eprintln!("skipped: {} ({}): {reason}", listing.info.name, listing.info.api);
        }
    }
    all.into_iter().filter(|listing| listing.unusable.is_none()).collect()
}

/// Opens every usable adapter with `options` in both kernel shapes and runs `test` on each.
fn on_every_adapter(options: &GpuOptions, test: impl Fn(&GpuBackend, &str) -> Result<()>) -> Result<()> {
    for listing in usable() {
        for kernel_shape in [KernelShape::Lane, KernelShape::Group] {
            let backend = GpuBackend::open(listing.index, GpuOptions { kernel_shape, ..options.clone() })?;
            test(&backend, &format!("{} {kernel_shape:?}", listing.info.name))?;
        }
    }
    Ok(())
}

/// Random points around random centroids; one row in seven has no label and some clusters stay empty.
fn random_case(seed: u64, (rows, dim, k): (usize, usize, usize), dtype: Dtype, wide: bool, offset: f64) -> Case {
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

const DTYPES: [Dtype; 3] = [Dtype::F16, Dtype::F32, Dtype::F64];

#[test]
fn shapes_types_and_offsets_agree_with_float64() -> Result<()> {
    on_every_adapter(&GpuOptions::default(), |backend, name| {
        let mut seed = 0;
        for rows in [1, 3, 63, 65, 1031, 8193] {
            for dim in [1, 2, 33, 64, 768] {
                for k in [1, 2, 1031] {
                    // Every pair of sizes occurs; types and offsets take turns.
                    if rows * dim > 1_000_000 && k == 2 {
                        continue;
                    }
                    seed += 1;
                    let dtype = DTYPES[seed % 3];
                    let (wide, offset) = (seed.is_multiple_of(2), if seed % 4 < 2 { 0.0 } else { 100.0 });
                    let mut case = random_case(seed as u64, (rows, dim, k), dtype, wide, offset);
                    case.keep_rows = seed % 5 != 0;
                    case.tile_rows = if seed % 3 == 1 { rows.div_ceil(3) } else { 0 };
                    case.assert_right(backend, &format!("{name}: {rows} x {dim}, k {k}, {dtype:?}, {wide}, {offset}"))?;
                }
            }
        }
        Ok(())
    })
}

#[test]
fn every_type_holds_the_contract_with_a_common_offset() -> Result<()> {
    on_every_adapter(&GpuOptions::default(), |backend, name| {
        for dtype in DTYPES {
            for wide in [false, true] {
                let case = random_case(99, (700, 768, 5), dtype, wide, 100.0);
                case.assert_right(backend, &format!("{name}: {dtype:?}, float64 centroids {wide}"))?;
            }
        }
        Ok(())
    })
}

#[test]
fn a_perturbed_centroid_fails_the_comparison() -> Result<()> {
    on_every_adapter(&GpuOptions::default(), |backend, name| {
        let mut case = random_case(7, (1031, 64, 9), Dtype::F32, false, 0.0);
        let answers = case.run(backend)?;
        assert!(case.errors(&answers).within_contract(), "{name}");
        case.levels[0].0.perturb(3);
        let errors = case.errors(&answers);
        assert!(!errors.within_contract(), "{name}: the comparison can't fail: {errors:?}");
        let (_, first) = &answers[0];
        let mut broken = first.clone();
        broken.levels[0].runs[0].inertia = f64::NAN;
        assert!(!case.errors(&vec![(0, broken)]).within_contract(), "{name}: NaN passes");
        Ok(())
    })
}

#[test]
fn two_runs_give_the_same_bits() -> Result<()> {
    on_every_adapter(&GpuOptions::default(), |backend, name| {
        let case = random_case(11, (3000, 100, 40), Dtype::F32, true, 100.0);
        let bits = |answers: Answers| format!("{answers:?}");
        assert_eq!(bits(case.run(backend)?), bits(case.run(backend)?), "{name}");
        Ok(())
    })
}

#[test]
fn lanes_on_threads_of_their_own_give_the_same_bits() -> Result<()> {
    on_every_adapter(&GpuOptions::default(), |backend, name| {
        let mut case = random_case(12, (4000, 64, 40), Dtype::F32, false, 0.0);
        case.tile_rows = 300;
        let job = case.job();
        let tiling = backend.tiling(&job)?;
        assert_eq!(tiling.lanes, 3, "{name}");
        let row_bytes = 64 * 4;
        let drive = &|number: usize| -> Result<Answers> {
            let mut lane = backend.lane(&job, tiling)?;
            let mut answers = Answers::new();
            for first in (0..4000).step_by(300).skip(number).step_by(tiling.lanes) {
                let rows = 300.min(4000 - first);
                lane.staging(rows).copy_from_slice(&case.points.bytes[first * row_bytes..][..rows * row_bytes]);
                lane.upload()?;
                let mut out = TileObservation::default();
                lane.own_distances(&[&case.levels[0].1[first..first + rows]], &mut out)?;
                answers.push((first, out));
            }
            Ok(answers)
        };
        let mut together = Answers::new();
        std::thread::scope(|scope| -> Result<()> {
            let lanes: Vec<_> = (0..tiling.lanes).map(|number| scope.spawn(move || drive(number))).collect();
            for lane in lanes {
                together.extend(lane.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
            }
            Ok(())
        })?;
        together.sort_by_key(|(first, _)| *first);
        assert!(case.errors(&together).within_contract(), "{name}");
        assert_eq!(format!("{together:?}"), format!("{:?}", case.run(backend)?), "{name}");
        Ok(())
    })
}

#[test]
fn several_levels_share_one_upload() -> Result<()> {
    on_every_adapter(&GpuOptions::default(), |backend, name| {
        let mut case = random_case(5, (2000, 33, 300), Dtype::F16, false, 0.0);
        for (seed, k) in [(6, 20), (7, 3)] {
            case.levels.extend(random_case(seed, (2000, 33, k), Dtype::F16, seed == 6, 0.0).levels);
        }
        case.tile_rows = 600;
        case.assert_right(backend, name)
    })
}

#[test]
fn lowered_limits_change_nothing() -> Result<()> {
    let options = GpuOptions { max_binding: Some(64 << 10), max_groups: Some(3), ..GpuOptions::default() };
    on_every_adapter(&options, |backend, name| {
        for (dim, k) in [(2, 10_000), (33, 1031), (768, 100)] {
            for dtype in DTYPES {
                let case = random_case(21, (1500, dim, k), dtype, dtype != Dtype::F32, 100.0);
                case.assert_right(backend, &format!("{name}: d {dim}, k {k}, {dtype:?}"))?;
            }
        }
        Ok(())
    })
}

#[test]
fn very_wide_rows_are_split_by_columns() -> Result<()> {
    on_every_adapter(&GpuOptions::default(), |backend, name| {
        for dtype in DTYPES {
            random_case(31, (5, 300_000, 2), dtype, false, 0.0).assert_right(backend, &format!("{name}: {dtype:?}"))?;
        }
        Ok(())
    })
}

#[test]
fn a_million_clusters_are_gathered_by_tile() -> Result<()> {
    let options = GpuOptions { resident_bytes: Some(0), ..GpuOptions::default() };
    on_every_adapter(&options, |backend, name| {
        for wide in [false, true] {
            let mut case = random_case(41, (5000, 2, 1_000_000), Dtype::F32, wide, 0.0);
            case.tile_rows = 2000;
            case.assert_right(backend, &format!("{name}: float64 centroids {wide}"))?;
        }
        Ok(())
    })
}

#[test]
fn distances_much_smaller_than_coordinates_keep_their_accuracy() -> Result<()> {
    on_every_adapter(&GpuOptions::default(), |backend, name| {
        for spread in [1e-3, 1e-6, 1e-10] {
            let mut random = Random(51);
            let points = Points::new(Dtype::F64, 16, (0..400 * 16).map(|_| 100.0 + spread * random.normal()));
            let centroids = Centroids::new(true, 3, 16, || 100.0 + spread * random.normal());
            let labels = (0..400).map(|row| row % 3).collect();
            let case = Case { points, levels: vec![(centroids, labels)], tile_rows: 0, keep_rows: true };
            case.assert_right(backend, &format!("{name}: spread {spread}"))?;
        }
        Ok(())
    })
}

#[test]
fn equal_points_have_no_distance() -> Result<()> {
    on_every_adapter(&GpuOptions::default(), |backend, name| {
        let points = Points::new(Dtype::F32, 10, (0..600 * 10).map(|_| 0.1));
        let centroids = Centroids::new(false, 2, 10, || 0.1);
        let labels = vec![1; 600];
        let case = Case { points, levels: vec![(centroids, labels)], tile_rows: 0, keep_rows: true };
        case.assert_right(backend, name)
    })
}

#[test]
fn subnormal_float16_counts() -> Result<()> {
    on_every_adapter(&GpuOptions::default(), |backend, name| {
        let mut random = Random(55);
        let points = Points::new(Dtype::F16, 64, (0..100 * 64).map(|_| 1e-5 * random.normal()));
        let centroids = Centroids::new(false, 2, 64, || 1e-5 * random.normal());
        let labels = (0..100).map(|row| row % 2).collect();
        let case = Case { points, levels: vec![(centroids, labels)], tile_rows: 0, keep_rows: true };
        case.assert_right(backend, name)
    })
}

#[test]
fn squares_beyond_float32_are_right() -> Result<()> {
    on_every_adapter(&GpuOptions::default(), |backend, name| {
        for (dtype, scale) in [(Dtype::F32, 1e25), (Dtype::F32, 1e-25), (Dtype::F64, 1e100), (Dtype::F64, 1e-100)] {
            for large_centroids in [false, true] {
                let mut random = Random(61);
                let mut row = 0;
                let values = (0..300 * 9).map(|place| {
                    row = place / 9;
                    random.normal() * if row % 2 == 0 { scale } else { 1.0 }
                });
                let points = Points::new(dtype, 9, values.collect::<Vec<_>>().into_iter());
                let size = if large_centroids { scale } else { 1.0 };
                let centroids = Centroids::new(dtype == Dtype::F64, 4, 9, || random.normal() * size);
                let labels = (0..300).map(|row| row % 4).collect();
                let case = Case { points, levels: vec![(centroids, labels)], tile_rows: 0, keep_rows: true };
                case.assert_right(backend, &format!("{name}: {dtype:?} {scale:e} {large_centroids}"))?;
            }
        }
        Ok(())
    })
}

#[test]
fn rows_that_are_not_finite_are_named_and_left_out() -> Result<()> {
    on_every_adapter(&GpuOptions::default(), |backend, name| {
        for dtype in DTYPES {
            let mut case = random_case(71, (500, 33, 4), dtype, false, 0.0);
            let broken = [(3, f64::NAN), (6, f64::NAN), (64, f64::INFINITY), (499, f64::NEG_INFINITY)];
            let mut values = case.points.values.clone();
            broken.iter().for_each(|&(row, value)| values[row * 33 + 32] = value);
            case.points = Points::new(dtype, 33, values.into_iter());
            let answers = case.run(backend)?;
            assert!(case.errors(&answers).within_contract(), "{name}: {dtype:?}: {:?}", case.errors(&answers));
            // Row 6 has no label.
            let named: Vec<u32> = answers.iter().flat_map(|(_, answer)| answer.nonfinite.clone()).collect();
            assert_eq!(named, [3, 64, 499], "{name}: {dtype:?}");
        }
        Ok(())
    })
}

#[test]
fn pairwise_agrees_with_float64() -> Result<()> {
    let lowered = GpuOptions {
        max_binding: Some(64 << 10),
        max_groups: Some(2),
        resident_bytes: Some(0),
        ..GpuOptions::default()
    };
    for options in [GpuOptions::default(), lowered] {
        on_every_adapter(&options, |backend, name| {
            let shapes = [(1, 1, 1), (3, 33, 2), (65, 768, 17), (100, 2, 1031)];
            for (number, shape) in shapes.into_iter().enumerate() {
                let dtype = DTYPES[number % 3];
                let case = random_case(81, shape, dtype, number % 2 == 0, 100.0);
                check_pairwise(backend, &case, &format!("{name}: {shape:?} {dtype:?}"))?;
            }
            Ok(())
        })?;
    }
    on_every_adapter(&GpuOptions::default(), |backend, name| {
        check_pairwise(backend, &random_case(82, (3, 300_000, 2), Dtype::F32, false, 0.0), name)
    })
}

fn check_pairwise(backend: &GpuBackend, case: &Case, what: &str) -> Result<()> {
    let (points, (centroids, _)) = (&case.points, &case.levels[0]);
    let job = Job { pairwise: true, ..case.job() };
    let tiling = backend.tiling(&job)?;
    let mut lane = backend.lane(&job, tiling)?;
    let k = centroids.view().rows();
    let rows = tiling.tile_rows.min(points.rows());
    lane.staging(rows).copy_from_slice(&points.bytes[..rows * points.dim * points.dtype.size()]);
    lane.upload()?;
    for (first, count) in [(0, k), (k / 3, k - k / 3)] {
        let mut out = vec![f32::NAN; rows * count];
        lane.pairwise(0, first, count, &mut out)?;
        let mut worst = Worst::default();
        for (place, &value) in out.iter().enumerate() {
            let centroid = centroids.row(first + place % count);
            worst.take(naive(points.row(place / count), &centroid).sqrt(), f64::from(value));
        }
        assert!(worst.0 <= 1e-5, "{what}: columns {first} + {count}: {worst:?}");
        let mut control = Worst::default();
        let mut shifted = centroids.row(first);
        shifted[0] += 100.0;
        control.take(naive(points.row(0), &shifted).sqrt(), f64::from(out[0]));
        assert!(control.0 > 1e-5, "{what}: the comparison can't fail");
    }
    Ok(())
}

#[test]
fn a_lost_device_is_an_error_with_a_name() -> Result<()> {
    on_every_adapter(&GpuOptions::default(), |backend, name| {
        let case = random_case(91, (100, 8, 3), Dtype::F32, false, 0.0);
        let job = case.job();
        let tiling = backend.tiling(&job)?;
        let mut lane = backend.lane(&job, tiling)?;
        lane.staging(100).copy_from_slice(&case.points.bytes);
        lane.upload()?;
        backend.destroy();
        let mut out = TileObservation::default();
        let error = lane.own_distances(&[&case.levels[0].1], &mut out).err().map(|error| error.to_string());
        assert!(error.as_ref().is_some_and(|error| error.contains("GPU")), "{name}: {error:?}");
        assert!(lane.upload().is_err() && case.run(backend).is_err(), "{name}: the device is used again");
        Ok(())
    })
}

#[test]
fn an_adapter_that_is_not_there_is_refused() {
    let error = GpuBackend::open(1_000_000, GpuOptions::default()).err().map(|error| error.kind());
    assert_eq!(error, Some(Kind::Device));
}
