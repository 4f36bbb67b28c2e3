//! Pairs of centroids, and sums of distances between points, against naive float64 loops.

use std::ops::Range;

use clustrata::backend::gpu::{GpuBackend, GpuOptions};
use clustrata::backend::{Backend, CentroidPairs, DistanceTiling, PointSet, UNLABELLED};
use clustrata::base::error::{Error, Finding, Result};

use crate::case::{Centroids, Random, Worst, in_shapes_of_sums, naive, on_every_adapter};

/// Centroids to compare.
struct Comparison {
    centroids: Centroids,
    clusters: Vec<u32>,
    spread: Vec<f64>,
}

impl Comparison {
    fn new(seed: u64, (k, dim): (usize, usize), wide: bool, mut value: impl FnMut(&mut Random) -> f64) -> Comparison {
        let mut random = Random(seed);
        let centroids = Centroids::new(wide, k, dim, || value(&mut random));
        let clusters: Vec<u32> = (0..k as u32).filter(|cluster| k < 4 || cluster % 5 != 3).collect();
        let spread = clusters.iter().map(|_| 1.0 + random.normal().abs()).collect();
        Comparison { centroids, clusters, spread }
    }

    fn run(&self, backend: &GpuBackend) -> Result<Vec<CentroidPairs>> {
        let done = std::sync::atomic::AtomicU64::new(0);
        let tick = |more| {
            done.fetch_add(more, std::sync::atomic::Ordering::Relaxed);
            Ok(())
        };
        let pairs = backend.centroid_pairs(self.centroids.view(), &self.clusters, &self.spread, &tick)?;
        assert_eq!(done.into_inner(), self.clusters.len() as u64, "ticks");
        Ok(pairs)
    }

    /// The largest relative error; infinite if a nearest cluster is wrong.
    fn error(&self, given: &[CentroidPairs]) -> f64 {
        assert_eq!(given.len(), self.clusters.len());
        let rows: Vec<_> = self.clusters.iter().map(|&cluster| self.centroids.row(cluster as usize)).collect();
        let mut worst = Worst::default();
        for (place, given) in given.iter().enumerate() {
            let (mut nearest, mut ratio) = ((f64::INFINITY, UNLABELLED), 0.0_f64);
            for (other, row) in rows.iter().enumerate().filter(|(other, _)| *other != place) {
                let squared = naive(&rows[place], row);
                if squared < nearest.0 {
                    nearest = (squared, self.clusters[other]);
                }
                if squared > 0.0 {
                    ratio = ratio.max((self.spread[place] + self.spread[other]) / squared.sqrt());
                }
            }
            worst.take(f64::from(nearest.1), if nearest.1 == given.nearest { f64::from(nearest.1) } else { f64::NAN });
            worst.take(nearest.0, given.nearest_squared);
            worst.take(ratio, given.worst_ratio);
        }
        worst.0
    }

    fn assert_right(&self, backend: &GpuBackend, what: &str) -> Result<()> {
        let error = self.error(&self.run(backend)?);
        assert!(error <= 1e-5, "{what}: {error}");
        Ok(())
    }
}

fn lowered() -> GpuOptions {
    GpuOptions { max_binding: Some(64 << 10), max_groups: Some(2), ..GpuOptions::default() }
}

#[test]
fn pairs_of_centroids_agree_with_float64() -> Result<()> {
    for options in [GpuOptions::default(), lowered()] {
        on_every_adapter(&options, |backend, name| {
            for (number, shape) in [(1, 3), (2, 1), (3, 33), (65, 768), (300, 2), (1031, 64)].into_iter().enumerate() {
                for wide in [false, true] {
                    let offset = [0.0, 100.0, 1000.0][number % 3];
                    let case = Comparison::new(number as u64, shape, wide, |random| offset + random.normal());
                    case.assert_right(backend, &format!("{name}: {shape:?} {wide} {offset}"))?;
                }
            }
            Ok(())
        })?;
    }
    Ok(())
}

#[test]
fn wide_and_extreme_centroids_are_compared() -> Result<()> {
    on_every_adapter(&GpuOptions::default(), |backend, name| {
        for shape in [(3, 70_000), (3, 450_000)] {
            Comparison::new(31, shape, false, Random::normal).assert_right(backend, &format!("{name}: {shape:?}"))?;
        }
        for scale in [1e-30, 1e30, 1e-120, 1e120] {
            let wide = !(1e-100..1e100).contains(&scale);
            let case = Comparison::new(32, (50, 9), wide, |random| scale * random.normal());
            case.assert_right(backend, &format!("{name}: {scale:e}"))?;
        }
        let mut large = Comparison::new(33, (20, 9), false, Random::normal);
        large.spread.iter_mut().for_each(|spread| *spread *= 1e60);
        large.assert_right(backend, &format!("{name}: large spreads"))
    })
}

#[test]
fn coincident_centroids_are_nearest_but_have_no_ratio() -> Result<()> {
    on_every_adapter(&GpuOptions::default(), |backend, name| {
        for (wide, step) in [(false, 0.0), (false, 1e-5), (true, 1e-9)] {
            let mut case = Comparison::new(34, (120, 20), wide, |random| 3.0 + random.normal());
            let values: Vec<Vec<f64>> = (0..120).map(|row| case.centroids.row(row % 40)).collect();
            let mut place = 0;
            case.centroids = Centroids::new(wide, 120, 20, || {
                let (row, column) = (place / 20, place % 20);
                place += 1;
                values[row][column] + if column == 0 { step * (row / 40) as f64 } else { 0.0 }
            });
            case.assert_right(backend, &format!("{name}: {step}"))?;
        }
        let equal = Comparison::new(35, (70, 5), false, |_| 0.3);
        let pairs = equal.run(backend)?;
        assert!(pairs.iter().all(|pair| pair.nearest_squared == 0.0 && pair.worst_ratio == 0.0), "{name}");
        equal.assert_right(backend, name)
    })
}

#[test]
fn wrong_pairs_are_detected_and_a_stop_is_honoured() -> Result<()> {
    on_every_adapter(&GpuOptions::default(), |backend, name| {
        let mut case = Comparison::new(36, (90, 33), false, Random::normal);
        let pairs = case.run(backend)?;
        assert!(case.error(&pairs) <= 1e-5);
        let change = |change: fn(&mut CentroidPairs)| {
            let mut pairs = pairs.clone();
            change(&mut pairs[17]);
            pairs
        };
        for wrong in [
            change(|pair| pair.nearest += 1),
            change(|pair| pair.nearest_squared *= 1.0001),
            change(|pair| pair.worst_ratio *= 0.9999),
            change(|pair| pair.worst_ratio = f64::NAN),
        ] {
            assert!(case.error(&wrong) > 1e-5, "{name}: the comparison can't fail");
        }
        case.spread[3] += 5.0;
        assert!(case.error(&pairs) > 1e-5, "{name}: another spread goes unnoticed");
        let stop = |_| Err(Error::failed(Finding::new("stopped by the test")));
        let stopped = backend.centroid_pairs(case.centroids.view(), &case.clusters, &case.spread, &stop).err();
        assert!(stopped.is_some_and(|error| error.to_string().contains("stopped by the test")), "{name}");
        backend.destroy();
        assert!(case.run(backend).is_err(), "{name}: a lost device answers");
        Ok(())
    })
}

fn points(seed: u64, (n, dim): (usize, usize), mut value: impl FnMut(&mut Random) -> f64) -> PointSet {
    let mut random = Random(seed);
    PointSet { dim, values: (0..n * dim).map(|_| value(&mut random) as f32).collect(), exact: Vec::new() }
}

fn distance(points: &PointSet, a: usize, b: usize) -> f64 {
    let row = |index| points.row(index).iter().map(|&value| f64::from(value)).collect::<Vec<_>>();
    naive(&row(a), &row(b)).sqrt()
}

/// Segments of a range: some empty, some of one point, the last longer than a run.
fn segments(inner: &Range<usize>) -> Vec<usize> {
    let mut ends = vec![inner.start];
    for size in [1, 0, 3, 40, 31, 1] {
        ends.push((ends[ends.len() - 1] + size).min(inner.end));
    }
    ends.push(inner.end);
    ends
}

/// The largest relative error of all sums of all points to all segments.
fn sums_error(backend: &GpuBackend, points: &PointSet, tiling: DistanceTiling, spoil: f64) -> Result<f64> {
    let n = points.len();
    let mut lane = backend.distance_sums(points, tiling)?;
    let mut worst = Worst::default();
    let all: Vec<u32> = (0..n as u32).filter(|index| n < 100 || index % 7 == 2).collect();
    for outer in all.chunks(tiling.outer) {
        lane.outer(outer)?;
        for start in (0..n).step_by(tiling.inner) {
            let inner = start..n.min(start + tiling.inner);
            let ends = segments(&inner);
            let mut out = vec![f64::NAN; ends.len() * outer.len()];
            lane.to_segments(inner.clone(), &ends, &mut out)?;
            let mut begin = inner.start;
            for (&end, sums) in ends.iter().zip(out.chunks(outer.len())) {
                for (&outer, &sum) in outer.iter().zip(sums) {
                    let expected: f64 = (begin..end).map(|index| distance(points, index, outer as usize)).sum();
                    worst.take(expected, sum * spoil);
                }
                begin = end;
            }
        }
    }
    Ok(worst.0)
}

#[test]
fn sums_of_distances_agree_with_float64() -> Result<()> {
    for options in [GpuOptions::default(), lowered()] {
        in_shapes_of_sums(&options, |backend, name| {
            for (seed, shape) in [(1, 1), (3, 33), (65, 768), (700, 64), (1500, 2)].into_iter().enumerate() {
                let points = points(seed as u64, shape, Random::normal);
                let tiling = backend.distance_tiling(&points);
                assert!(!tiling.symmetric && tiling.lanes > 0);
                let small =
                    DistanceTiling { outer: tiling.outer.div_ceil(3), inner: tiling.inner.div_ceil(2), ..tiling };
                for tiling in [tiling, small] {
                    let error = sums_error(backend, &points, tiling, 1.0)?;
                    assert!(error <= 1e-6, "{name}: {shape:?} {tiling:?}: {error}");
                }
            }
            Ok(())
        })?;
    }
    in_shapes_of_sums(&GpuOptions::default(), |backend, name| {
        let points = points(9, (100, 20), Random::normal);
        let error = sums_error(backend, &points, backend.distance_tiling(&points), 1.00001)?;
        assert!(error > 1e-6, "{name}: the comparison can't fail");
        Ok(())
    })
}

#[test]
fn sums_of_consecutive_points_of_any_number_are_right() -> Result<()> {
    in_shapes_of_sums(&GpuOptions::default(), |backend, name| {
        for n in [1, 3, 63, 65, 1031, 8193] {
            for dim in [1, 2, 33, 64, 768] {
                let points = points(n as u64, (n, dim), Random::normal);
                let tiling = DistanceTiling { inner: n, ..backend.distance_tiling(&points) };
                let mut lane = backend.distance_sums(&points, tiling)?;
                // the naive loop is slow
                let count = if n * dim > 100_000 { 3 } else { 67 }.min(n);
                let outer: Vec<u32> = (0..n as u32).skip((n - count) / 2).take(count).collect();
                lane.outer(&outer)?;
                let ends = segments(&(0..n));
                let mut out = vec![f64::NAN; ends.len() * count];
                lane.to_segments(0..n, &ends, &mut out)?;
                let (mut begin, mut worst, mut control) = (0, Worst::default(), Worst::default());
                for (&end, sums) in ends.iter().zip(out.chunks(count)) {
                    for (&outer, &sum) in outer.iter().zip(sums) {
                        let apart = (begin..end).map(|index| distance(&points, index, outer as usize));
                        let expected: f64 = apart.sum();
                        worst.take(expected, sum);
                        control.take(expected + distance(&points, 0, n - 1), sum);
                    }
                    begin = end;
                }
                assert!(worst.0 <= 1e-6, "{name}: {n} x {dim}: {worst:?}");
                assert!(n == 1 || control.0 > 1e-6, "{name}: {n} x {dim}: the comparison can't fail");
            }
        }
        Ok(())
    })
}

#[test]
fn sums_of_far_close_equal_and_wide_points_are_right() -> Result<()> {
    in_shapes_of_sums(&GpuOptions::default(), |backend, name| {
        for (what, points) in [
            ("far", points(41, (90, 9), |random| 1e30 * random.normal())),
            ("close", points(42, (90, 9), |random| 1e-30 * random.normal())),
            ("near one another", points(43, (90, 9), |random| 1.0 + 1e-6 * random.normal())),
            ("equal", points(44, (90, 9), |_| 0.3)),
            ("zero", points(45, (90, 9), |_| 0.0)),
            ("wide", points(46, (3, 60_000), Random::normal)),
            ("wider than the device does", points(47, (3, 450_000), Random::normal)),
        ] {
            let error = sums_error(backend, &points, backend.distance_tiling(&points), 1.0)?;
            assert!(error <= 1e-6, "{name}: {what}: {error}");
        }
        Ok(())
    })
}

#[test]
fn wrong_shapes_and_a_lost_device_have_no_sums() -> Result<()> {
    in_shapes_of_sums(&GpuOptions::default(), |backend, name| {
        let points = points(51, (50, 4), Random::normal);
        let tiling = backend.distance_tiling(&points);
        let mut lane = backend.distance_sums(&points, tiling)?;
        assert!(lane.outer(&[50]).is_err(), "{name}");
        lane.outer(&[1, 4])?;
        let mut out = [f64::NAN; 4];
        for (inner, ends) in [(0..51, [20, 51]), (0..50, [20, 49]), (0..50, [30, 20]), (10..50, [5, 50])] {
            assert!(lane.to_segments(inner, &ends, &mut out).is_err(), "{name}: {ends:?}");
        }
        lane.to_segments(0..50, &[20, 50], &mut out)?;
        assert!(out.iter().all(|sum| *sum > 0.0), "{name}");
        backend.destroy();
        let error = lane.to_segments(0..50, &[20, 50], &mut out).err().map(|error| error.to_string());
        assert!(error.as_ref().is_some_and(|error| error.contains("GPU")), "{name}: {error:?}");
        Ok(())
    })
}
