//! What sums of distances upload: the points once, however many blocks of outer points and lanes there are.

use clustrata::backend::gpu::{GpuBackend, GpuOptions};
use clustrata::backend::{Backend, PointSet, Traffic};
use clustrata::base::error::Result;

use crate::case::{Random, in_shapes_of_sums};

const POINTS: usize = 2000;
const DIM: usize = 156;
/// Rows are padded to octets.
const BYTES: u64 = (POINTS * (DIM + 4) * 4) as u64;
const CLUSTER: usize = 50;

fn points() -> PointSet {
    let mut random = Random(3);
    PointSet { dim: DIM, values: (0..POINTS * DIM).map(|_| random.normal() as f32).collect(), exact: Vec::new() }
}

/// Compares all points with all points as an exact silhouette does. Returns what the device was given meanwhile, and the sums.
fn all_pairs(backend: &GpuBackend, points: &PointSet, lanes: usize) -> Result<(Traffic, Vec<f64>)> {
    let before = backend.traffic().expect("a GPU counts");
    let tiling = backend.distance_tiling(points);
    let mut lanes = (0..lanes).map(|_| backend.distance_sums(points, tiling)).collect::<Result<Vec<_>>>()?;
    let all: Vec<u32> = (0..points.len() as u32).collect();
    let mut sums = Vec::new();
    for (number, outer) in all.chunks(tiling.outer).enumerate() {
        let count = lanes.len();
        let lane = &mut lanes[number % count];
        lane.outer(outer)?;
        for start in (0..points.len()).step_by(tiling.inner) {
            let inner = start..points.len().min(start + tiling.inner);
            let inside = (inner.start / CLUSTER * CLUSTER + CLUSTER..inner.end).step_by(CLUSTER);
            let ends: Vec<usize> = inside.chain([inner.end]).collect();
            let mut out = vec![f64::NAN; ends.len() * outer.len()];
            lane.to_segments(inner, &ends, &mut out)?;
            sums.extend(out);
        }
    }
    Ok((backend.traffic().expect("a GPU counts").since(before), sums))
}

#[test]
fn all_pairs_upload_the_points_once() -> Result<()> {
    in_shapes_of_sums(&GpuOptions::default(), |backend, name| {
        let points = points();
        for lanes in [1, 2] {
            let (used, _) = all_pairs(backend, &points, lanes)?;
            assert!(used.bytes_up >= BYTES, "{name}: {used:?}");
            // beside the points: lists of runs, and parameters
            assert!(used.bytes_up < BYTES + BYTES / 10, "{name}: {used:?}");
        }
        Ok(())
    })
}

#[test]
fn points_that_may_not_stay_or_do_not_fit_are_uploaded_block_by_block() -> Result<()> {
    let refused = GpuOptions { kept_bytes: Some(BYTES - 1), ..GpuOptions::default() };
    // a lane needs 11.1 MB with its share of the points, 12.4 MB with all points and what uploads them
    let short = GpuOptions { memory_bytes: Some(11_750_000), ..GpuOptions::default() };
    let narrow = GpuOptions { max_binding: Some(BYTES - 16), ..GpuOptions::default() };
    for (what, options) in [("refused", refused), ("short", short), ("narrow", narrow)] {
        in_shapes_of_sums(&options, |backend, name| {
            let points = points();
            let (used, sums) = all_pairs(backend, &points, 1)?;
            assert!(used.bytes_up > 2 * BYTES, "{name}: {what}: {used:?}");
            let mean = sums.iter().sum::<f64>() / (POINTS * POINTS) as f64;
            // of normal values: sqrt(2 d), and a little less
            assert!((mean / (2.0 * DIM as f64).sqrt() - 1.0).abs() < 0.01, "{name}: {what}: {mean}");
            Ok(())
        })?;
    }
    Ok(())
}

#[test]
fn resident_and_uploaded_points_have_the_same_sums() -> Result<()> {
    let kept = std::cell::RefCell::new(Vec::new());
    for options in [GpuOptions::default(), GpuOptions { kept_bytes: Some(0), ..GpuOptions::default() }] {
        in_shapes_of_sums(&options, |backend, name| {
            let mut points = points();
            let (_, first) = all_pairs(backend, &points, 2)?;
            kept.borrow_mut().push((name.to_owned(), first.clone()));
            // lanes that are closed leave nothing behind: other values in the same memory have other sums
            points.values.iter_mut().for_each(|value| *value *= 2.0);
            let (_, second) = all_pairs(backend, &points, 2)?;
            assert!(first.iter().zip(&second).all(|(a, b)| *b == 2.0 * a), "{name}");
            Ok(())
        })?;
    }
    let kept = kept.into_inner();
    let (resident, uploaded) = kept.split_at(kept.len() / 2);
    for ((name, a), (_, b)) in resident.iter().zip(uploaded) {
        assert!(a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits()), "{name}");
    }
    Ok(())
}
