//! Sums of rows by label.

use clustrata::backend::cpu::CpuBackend;
use clustrata::backend::{Backend, GroupSums, Job, Tiling, UNLABELLED};
use clustrata::base::double_double::{add, mean};
use clustrata::base::matrix::Dtype;

use crate::data::{Points, Random};

fn sums(points: &Points, labels: &[u32]) -> GroupSums {
    let job = Job { sums: true, ..Job::new(points.dim, points.dtype, points.rows() as u64, Vec::new()) };
    let backend = CpuBackend::new(None);
    let mut lane = backend.lane(&job, Tiling { tile_rows: points.rows(), lanes: 1 }).expect("a lane");
    lane.staging(points.rows()).copy_from_slice(&points.bytes);
    lane.upload().expect("uploads");
    let mut out = GroupSums { clusters: vec![9; 3], sums: vec![7.0; 5], rests: vec![1.0] };
    lane.cluster_sums(labels, &mut out).expect("adds up");
    out
}

/// Largest error of a sum, relative to the sum of the distances from the centre; infinite where labels or lengths are wrong.
fn error(points: &Points, centre: &[f64], labels: &[u32], got: &GroupSums) -> f64 {
    let mut expected: std::collections::BTreeMap<u32, (Vec<f64>, Vec<f64>, f64)> = Default::default();
    for (row, &label) in labels.iter().enumerate().filter(|(_, label)| **label != UNLABELLED) {
        let none = || vec![0.0; points.dim];
        let (sum, rest, magnitude) = expected.entry(label).or_insert_with(|| (none(), none(), 0.0));
        let row = points.row(row);
        *magnitude += row.iter().zip(centre).map(|(x, c)| (x - c).abs()).sum::<f64>();
        add((sum, rest), (row, &none()));
    }
    if !expected.keys().eq(&got.clusters) || got.sums.len() != expected.len() * points.dim {
        return f64::INFINITY;
    }
    let pairs = expected.values().zip(got.sums.chunks(points.dim).zip(got.rests.chunks(points.dim)));
    let errors = pairs.flat_map(|((sum, rest, magnitude), (got, got_rest))| {
        let off = sum.iter().zip(got).zip(rest.iter().zip(got_rest)).map(|((a, b), (c, d))| (a - b) + (c - d));
        off.map(move |off| off.abs() / magnitude.max(f64::MIN_POSITIVE))
    });
    errors.fold(0.0, |worst, error| if error.is_nan() { f64::INFINITY } else { f64::max(worst, error) })
}

#[test]
fn shapes_types_and_offsets() {
    let mut seed = 0;
    for rows in [1, 3, 65, 1031] {
        for dim in [1, 2, 33, 768] {
            for dtype in [Dtype::F16, Dtype::F32, Dtype::F64] {
                for offset in [0.0, 1000.0] {
                    seed += 1;
                    let mut random = Random(seed);
                    let values: Vec<f64> = (0..rows * dim).map(|_| offset + random.normal()).collect();
                    let points = Points::new(dtype, dim, &values);
                    let labels: Vec<u32> =
                        (0..rows).map(|_| [UNLABELLED, 70, 4, 4, 1_000_000][random.below(5)]).collect();
                    let centre = points.mean();
                    let error = error(&points, &centre, &labels, &sums(&points, &labels));
                    // float64 additions in another order
                    assert!(error <= 1e-13, "{rows} x {dim}, {dtype:?}, offset {offset}: {error:e}");
                }
            }
        }
    }
}

#[test]
fn a_wrong_sum_fails_the_comparison() {
    let points = Points::new(Dtype::F32, 2, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let (centre, labels) = ([0.5, 0.5], [7, 3, 7]);
    let good = sums(&points, &labels);
    let sums = vec![3.0, 4.0, 6.0, 8.0];
    assert_eq!(good, GroupSums { clusters: vec![3, 7], sums, rests: vec![0.0; 4] });
    assert_eq!(error(&points, &centre, &labels, &good), 0.0);
    let mut wrong = good.clone();
    wrong.sums[3] += 1e-6;
    assert!(error(&points, &centre, &labels, &wrong) > 1e-13);
    wrong.sums[3] = f64::NAN;
    assert_eq!(error(&points, &centre, &labels, &wrong), f64::INFINITY, "NaN never passes");
    wrong.clusters[0] = 4;
    assert_eq!(error(&points, &centre, &labels, &wrong), f64::INFINITY);
}

#[test]
fn no_labels_give_no_sums() {
    let points = Points::new(Dtype::F32, 2, [1.0; 6]);
    assert_eq!(sums(&points, &[UNLABELLED; 3]), GroupSums::default());
}

#[test]
fn equal_rows_have_an_exact_sum() {
    let values: Vec<f64> = (0..300).flat_map(|_| [1e9 + 0.1, -1.0 / 3.0]).collect();
    let points = Points::new(Dtype::F64, 2, &values);
    let total = sums(&points, &[7; 300]);
    let means = total.sums.iter().zip(&total.rests).map(|(&sum, &rest)| mean(sum, rest, 300));
    assert_eq!(means.collect::<Vec<f64>>(), values[..2]);
    assert_ne!(total.rests, [0.0; 2], "float64 does not hold these sums");
}
