//! Lloyd's iterations are those of a naive float64 loop.

use clustrata::kmeans::{Init, Points as _, assign};
use clustrata::matrix::Dtype;

use crate::data::{Naive, Nobody, Stored, devices, fit, nearest, rows, squared};

const DTYPES: [Dtype; 3] = [Dtype::F16, Dtype::F32, Dtype::F64];

/// Relative to the objective, and hardly to the squares of all points: an objective may be nothing but rounding.
fn close(a: f64, b: f64, share: f64, squares: f64) -> bool {
    (a - b).abs() <= share * b.abs() + 1e-4 * share * squares
}

fn check(points: &Stored, k: usize, iterations: u32, init: Init, what: &str) {
    for (name, backend) in devices() {
        let what = format!("{name}: {what}");
        let float64 = name == "cpu";
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
        // with float32 sums, the mean of equal points is not quite theirs, and they move to an empty cluster that is nearer
        if float64 {
            assert_eq!(found.moved, naive.moved, "{what}");
        }
        let assigned = assign(points, backend.as_ref(), &found.centroids, &Nobody).expect("assigns");
        let (labels, objective) = nearest(points, &naive.centroids);
        assert!(close(assigned.inertia(), objective, share, squares), "{what}: {} {objective}", assigned.inertia());
        // where labels differ, distances tie
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
    let mut case = 0_usize;
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
                check(&points, k, 6, init, &format!("{n} x {dim}, k {k}, {dtype:?}, {offset}, {init:?}"));
            }
        }
    }
}

#[test]
fn many_tiles_agree_with_float64() {
    for (dtype, offset) in [(Dtype::F32, 0.0), (Dtype::F32, 100.0), (Dtype::F64, 0.0)] {
        let points = Stored::groups(5, (8193, 33), 12, offset, dtype);
        check(&points, 17, 12, Init::Random, &format!("{dtype:?} {offset}"));
    }
}
