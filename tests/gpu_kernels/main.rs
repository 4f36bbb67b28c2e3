//! The kernels on every adapter of this machine, against a naive float64 loop that shares no code with them.
#![cfg(feature = "gpu")]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]
#![allow(clippy::cast_possible_truncation, reason = "test data is made by rounding")]

#[path = "../common/adapter.rs"]
mod adapter;
mod case;
#[path = "../common/drawn.rs"]
mod drawn;
mod pairs;
mod search;
mod tuning;
mod uploads;
mod waits;

use clustrata::backend::gpu::{GpuBackend, GpuOptions};
use clustrata::backend::{Backend, Job, TileObservation};
use clustrata::base::error::{Kind, Result};
use clustrata::base::matrix::Dtype;

use case::{Answers, Case, Centroids, DTYPES, Points, Random, Worst, naive, on_every_adapter, random_case};

#[test]
fn a_missing_adapter_is_noticed() {
    assert!(adapter::is_among("swiftshader", &["llvmpipe", "SwiftShader Device (LLVM 10.0.0)"]));
    assert!(adapter::is_among("", &["llvmpipe"]));
    assert!(!adapter::is_among("swiftshader", &["llvmpipe"]));
    assert!(!adapter::is_among("", &[]));
    case::usable();
}

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
fn equal_points_have_distance_zero() -> Result<()> {
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
                let points = Points::new(dtype, 9, values.collect::<Vec<_>>());
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
fn rows_that_are_not_finite_are_reported_and_skipped() -> Result<()> {
    on_every_adapter(&GpuOptions::default(), |backend, name| {
        for dtype in DTYPES {
            let mut case = random_case(71, (500, 33, 4), dtype, false, 0.0);
            let broken = [(3, f64::NAN), (6, f64::NAN), (64, f64::INFINITY), (499, f64::NEG_INFINITY)];
            let mut values = case.points.values.clone();
            broken.iter().for_each(|&(row, value)| values[row * 33 + 32] = value);
            case.points = Points::new(dtype, 33, values);
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
