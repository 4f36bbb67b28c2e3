//! Compares Lloyd's iterations with a naive float64 loop.

use clustrata::base::matrix::Dtype;
use clustrata::engine::points::Points as _;
use clustrata::kmeans::{Init, assign};

use crate::data::{Devices, Naive, NoProgress, Random, Stored, devices, fit, nearest, rows, squared};

const DTYPES: [Dtype; 3] = [Dtype::F16, Dtype::F32, Dtype::F64];

/// Compares relative to the objective, with a small term relative to the squares of all points: an objective may consist of
/// rounding errors only.
fn close(a: f64, b: f64, share: f64, squares: f64) -> bool {
    (a - b).abs() <= share * b.abs() + 1e-4 * share * squares
}

fn check(devices: &Devices, points: &Stored, k: usize, iterations: u32, init: Init, what: &str) {
    for (name, backend) in devices {
        let what = format!("{name}: {what}");
        let float64 = *name == "cpu";
        let mut fit = fit(points, backend.as_ref(), k, 0);
        fit.init = init;
        let start = rows(&fit.run().expect("seeds").centroids);
        assert_eq!(start.len(), k);
        let naive = Naive::run(points, &start, iterations as usize);
        fit.iterations = iterations;
        let found = fit.run().expect("clusters");
        let share = if float64 { 1e-9 } else { 1e-6 };
        let squares = nearest(points, &[mean(points)]).1;
        for (ours, theirs) in found.objectives.iter().zip(&naive.objectives) {
            assert!(close(*ours, *theirs, share, squares), "{what}: {ours} and not {theirs}");
        }
        // with float32 sums, the mean of equal points is inexact, and they may move to an empty cluster that is nearer
        if float64 {
            assert_eq!(found.moved, naive.moved, "{what}");
        }
        let assigned = assign(points, backend.as_ref(), &found.centroids, &NoProgress).expect("assigns");
        let (labels, objective) = nearest(points, &naive.centroids);
        assert!(close(assigned.inertia(), objective, share, squares), "{what}: {} {objective}", assigned.inertia());
        // labels may differ only for ties
        for (row, (&ours, &theirs)) in assigned.labels.iter().zip(&labels).enumerate() {
            let distance = |cluster: usize| squared(points.row(row), &naive.centroids[cluster]).sqrt();
            let tie =
                (distance(ours as usize) - distance(theirs)).abs() <= 1e-5 * (squares / labels.len() as f64).sqrt();
            assert!(ours as usize == theirs || !float64 && tie, "{what}: row {row}: {ours} and not {theirs}");
        }
    }
}

fn mean(points: &Stored) -> Vec<f64> {
    let n = points.len() as usize;
    (0..points.dim).map(|column| (0..n).map(|row| points.row(row)[column]).sum::<f64>() / n as f64).collect()
}

#[test]
fn sizes_types_and_offsets_agree_with_float64() {
    let (every, mut case) = (devices(), 0_usize);
    for n in [1, 3, 63, 65, 1031] {
        for dim in [1, 2, 33, 64] {
            for k in [1, 2, 64, n] {
                if k > n || n * k > 100_000 && dim > 2 {
                    continue;
                }
                case += 1;
                let dtype = DTYPES[case % 3];
                let offset = if case.is_multiple_of(2) { 100.0 } else { 0.0 };
                let points = Stored::groups(case as u64, (n, dim), 5, offset, dtype);
                let init = if case % 5 == 0 { Init::Random } else { Init::KmeansPlusPlus };
                check(&every, &points, k, 6, init, &format!("{n} x {dim}, k {k}, {dtype:?}, {offset}, {init:?}"));
            }
        }
    }
}

#[test]
fn many_tiles_agree_with_float64() {
    let every = devices();
    for (dtype, offset) in [(Dtype::F32, 0.0), (Dtype::F32, 100.0), (Dtype::F64, 0.0)] {
        let points = Stored::groups(5, (8193, 33), 12, offset, dtype);
        check(&every, &points, 17, 12, Init::Random, &format!("{dtype:?} {offset}"));
    }
}

/// Points with many ties: there are few distinct values, and most clusters have others at the same distance.
#[test]
fn ties_go_to_the_lower_cluster_with_bounds_as_without() {
    let every = devices();
    for seed in 0..6 {
        let mut random = Random(seed);
        let values: Vec<f64> = (0..3000 * 2).map(|_| random.below(12) as f64).collect();
        let points = Stored::new(Dtype::F32, 2, &values);
        check(&every, &points, 40, 12, Init::Random, &format!("grid {seed}"));
    }
}

#[test]
fn bounds_skip_most_points_and_change_nothing() {
    let points = Stored::groups(11, (4000, 8), 30, 0.0, Dtype::F32);
    for (name, backend) in devices() {
        let mut fit = fit(&points, backend.as_ref(), 30, 10);
        fit.init = Init::Random;
        let found = fit.run().expect("clusters");
        let (first, last) = (found.searched[0], *found.searched.last().expect("iterations"));
        assert_eq!(first, 4000, "{name}: nothing is known at first");
        assert!(last < 2000, "{name}: {:?}", found.searched);
    }
}

#[test]
fn as_many_clusters_as_points_and_fewer_different_points_than_clusters() {
    for (name, backend) in devices() {
        let points = Stored::groups(3, (50, 4), 3, 0.0, Dtype::F32);
        let found = fit(&points, backend.as_ref(), 50, 3).run().expect("clusters");
        assert!(found.objectives[0] < 1e-9 && found.empty == 0, "{name}: {:?}", found.objectives);
        let values: Vec<f64> = (0..90).map(|row| f64::from(row % 3)).collect();
        let points = Stored::new(Dtype::F32, 1, &values);
        let found = fit(&points, backend.as_ref(), 10, 3).run().expect("clusters");
        assert!(found.objectives[0] < 1e-9 && found.converged, "{name}: {:?}", found.objectives);
        assert!(found.centroids.iter().all(|value| (value - value.round()).abs() < 1e-6), "{name}");
    }
}

#[test]
fn invalid_input_is_refused() {
    let (_, backend) = devices().remove(0);
    let points = Stored::groups(3, (9, 4), 3, 0.0, Dtype::F32);
    let refused = |k| fit(&points, backend.as_ref(), k, 3).run().expect_err("refused").to_string();
    assert!(refused(10).contains("more clusters than points"));
    assert!(refused(0).contains("invalid number of clusters"));
    let mut values = points.values.clone();
    (values[13], values[20]) = (f64::NAN, f64::INFINITY);
    let broken = Stored::new(Dtype::F32, 4, &values);
    for (name, backend) in devices() {
        for init in [Init::Random, Init::KmeansPlusPlus, Init::KmeansParallel, Init::Sampled] {
            let mut fit = fit(&broken, backend.as_ref(), 2, 3);
            fit.init = init;
            let error = fit.run().expect_err("refused").to_string();
            assert!(error.contains("2 such points among 9: 3, 5"), "{name} {init:?}: {error}");
        }
        let centroids = ndarray::Array2::zeros((2, 4));
        let error = assign(&broken, backend.as_ref(), &centroids, &NoProgress).expect_err("refused").to_string();
        assert!(error.contains("2 such points among 9: 3, 5"), "{name}: {error}");
    }
}

/// A sampled start reads other points than the first pass, which counts them all.
#[test]
fn a_sample_with_nan_is_refused_as_all_points_are() {
    let (_, backend) = devices().remove(0);
    let mut values = Stored::groups(3, (900, 4), 3, 0.0, Dtype::F32).values;
    values.iter_mut().step_by(8).for_each(|value| *value = f64::NAN);
    let broken = Stored::new(Dtype::F32, 4, &values);
    let mut fit = fit(&broken, backend.as_ref(), 2, 3);
    fit.init = Init::Sampled;
    let error = fit.run().expect_err("refused").to_string();
    assert!(error.contains("450 such points among 900: 0, 2, 4"), "{error}");
}

#[test]
fn the_best_start_wins_and_the_tolerance_ends_iterations() {
    let (_, backend) = devices().remove(0);
    let points = Stored::groups(8, (600, 3), 12, 0.0, Dtype::F64);
    let last = |inits| {
        let mut fit = fit(&points, backend.as_ref(), 12, 30);
        (fit.init, fit.inits) = (Init::Random, inits);
        *fit.run().expect("clusters").objectives.last().expect("iterations")
    };
    let (one, eight) = (last(1), last(8));
    assert!(eight < one, "{eight} {one}");
    let mut fit = fit(&points, backend.as_ref(), 12, 30);
    (fit.init, fit.tolerance) = (Init::Random, 0.05);
    let found = fit.run().expect("clusters");
    let falls: Vec<f64> = found.objectives.windows(2).map(|two| 1.0 - two[1] / two[0]).collect();
    let (end, before) = falls.split_last().expect("more than one iteration");
    assert!(found.converged && *end < 0.05 && before.iter().all(|&fall| fall >= 0.05), "{falls:?}");
}
