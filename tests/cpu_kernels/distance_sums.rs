//! Sums of distances between points.

use std::ops::Range;

use clustrata::backend::cpu::CpuBackend;
use clustrata::backend::{Backend, PointSet};

use crate::data::{Random, squared};

/// Relative error that a sum may have.
const TOLERANCE: f64 = 1e-6;

struct Case {
    points: PointSet,
    /// Ends of the clusters in the order of the points.
    ends: Vec<usize>,
}

impl Case {
    /// Clusters of these sizes, with deviation 1. The deviation of their centres is `spread`.
    fn new(seed: u64, dim: usize, sizes: &[usize], spread: f64) -> Case {
        let mut random = Random(seed);
        let (mut values, mut ends) = (Vec::new(), Vec::new());
        for &size in sizes {
            let centre: Vec<f64> = (0..dim).map(|_| spread * random.normal()).collect();
            for _ in 0..size {
                values.extend(centre.iter().map(|c| (c + random.normal()) as f32));
            }
            ends.push(values.len() / dim);
        }
        Case { points: PointSet { dim, values, ..PointSet::default() }, ends }
    }

    fn distance(&self, i: usize, j: usize) -> f64 {
        let row = |i: usize| -> Vec<f64> { self.points.row(i).iter().map(|&v| f64::from(v)).collect() };
        squared(&row(i), &row(j)).sqrt()
    }

    /// The segments' ends within a range, and the number of the first segment.
    fn cut(&self, range: &Range<usize>) -> (usize, Vec<usize>) {
        let first = self.ends.partition_point(|&end| end <= range.start);
        let last = self.ends.partition_point(|&end| end < range.end);
        let mut ends: Vec<usize> = self.ends[first..=last.min(self.ends.len() - 1)].to_vec();
        if let Some(end) = ends.last_mut() {
            *end = range.end;
        }
        (first, ends)
    }

    /// `[cluster][outer]` by the definition.
    fn expected(&self, outer: &[u32]) -> Vec<f64> {
        let mut sums = vec![0.0; self.ends.len() * outer.len()];
        for i in 0..self.points.len() {
            let cluster = self.ends.partition_point(|&end| end <= i);
            for (at, &j) in outer.iter().enumerate() {
                sums[cluster * outer.len() + at] += self.distance(i, j as usize);
            }
        }
        sums
    }

    /// `[cluster][outer]` from calls of at most `inner` inner points.
    fn to_segments(&self, outer: &[u32], inner: usize) -> Vec<f64> {
        let backend = CpuBackend::new(None);
        let tiling = backend.distance_tiling(&self.points);
        let mut lane = backend.distance_sums(&self.points, tiling).expect("a lane");
        let mut sums = vec![0.0; self.ends.len() * outer.len()];
        for (block, chunk) in outer.chunks(tiling.outer).enumerate() {
            lane.outer(chunk).expect("takes them");
            for start in (0..self.points.len()).step_by(inner) {
                let range = start..(start + inner).min(self.points.len());
                let (first, ends) = self.cut(&range);
                let mut out = vec![f64::NAN; ends.len() * chunk.len()];
                lane.to_segments(range, &ends, &mut out).expect("adds up");
                for (segment, columns) in out.chunks(chunk.len()).enumerate() {
                    let from = (first + segment) * outer.len() + block * tiling.outer;
                    sums[from..from + chunk.len()].iter_mut().zip(columns).for_each(|(sum, c)| *sum += c);
                }
            }
        }
        sums
    }

    /// `[cluster][point]` from calls that see each pair once.
    fn both(&self, outer: usize, inner: usize) -> Vec<f64> {
        let n = self.points.len();
        let backend = CpuBackend::new(None);
        let mut lane = backend.distance_sums(&self.points, backend.distance_tiling(&self.points)).expect("a lane");
        let mut sums = vec![0.0; self.ends.len() * n];
        for outer_start in (0..n).step_by(outer) {
            let outer = outer_start..(outer_start + outer).min(n);
            lane.outer(&outer.clone().map(|i| i as u32).collect::<Vec<_>>()).expect("takes them");
            let (first_outer, outer_ends) = self.cut(&outer);
            for start in (0..outer.end).step_by(inner) {
                let range = start..(start + inner).min(n);
                let (first, ends) = self.cut(&range);
                let mut columns = vec![f64::NAN; ends.len() * outer.len()];
                let mut rows = vec![f64::NAN; outer_ends.len() * range.len()];
                lane.both(range.clone(), &ends, &outer_ends, &mut columns, &mut rows).expect("adds up");
                for (segment, columns) in columns.chunks(outer.len()).enumerate() {
                    let from = (first + segment) * n + outer.start;
                    sums[from..from + outer.len()].iter_mut().zip(columns).for_each(|(sum, c)| *sum += c);
                }
                for (segment, rows) in rows.chunks(range.len()).enumerate() {
                    let from = (first_outer + segment) * n + range.start;
                    sums[from..from + range.len()].iter_mut().zip(rows).for_each(|(sum, r)| *sum += r);
                }
            }
        }
        sums
    }
}

/// The largest relative error; NaN counts as infinite.
fn error(got: &[f64], want: &[f64]) -> f64 {
    assert_eq!(got.len(), want.len());
    let errors = got.iter().zip(want).map(|(got, want)| if got == want { 0.0 } else { (got - want).abs() / want });
    errors.fold(0.0, |worst, error| if error.is_nan() { f64::INFINITY } else { f64::max(worst, error) })
}

fn everyone(case: &Case) -> Vec<u32> {
    (0..case.points.len() as u32).collect()
}

fn assert_right(case: &Case, name: &str) {
    let outer = everyone(case);
    let want = case.expected(&outer);
    let error_of = |got: Vec<f64>| error(&got, &want);
    let found = error_of(case.to_segments(&outer, 2048));
    assert!(found <= TOLERANCE, "{name}: {found:e}");
    let found = error_of(case.to_segments(&outer, 37));
    assert!(found <= TOLERANCE, "{name}, in small calls: {found:e}");
    let found = error_of(case.both(64, 50));
    assert!(found <= TOLERANCE, "{name}, both ways: {found:e}");
}

#[test]
fn shapes() {
    let sizes: [&[usize]; 5] = [&[1], &[2], &[1, 0, 1, 61], &[20, 20, 1, 0, 0, 24], &[300, 3, 1, 40]];
    let mut seed = 0;
    for sizes in sizes {
        for dim in [1, 2, 32, 33, 64, 768] {
            for spread in [0.0, 1.0, 30.0] {
                seed += 1;
                assert_right(&Case::new(seed, dim, sizes, spread), &format!("{sizes:?}, d {dim}, spread {spread}"));
            }
        }
    }
}

/// Runs of single points show the error of a single distance.
#[test]
fn single_points_of_every_correlation() {
    for dim in [33, 256, 768, 2000] {
        for spread in [0.5, 1.0, 1.7, 3.0, 100.0] {
            let mut case = Case::new(dim as u64, dim, &[300], 0.0);
            let mut random = Random(77);
            let common: Vec<f64> = (0..dim).map(|_| spread * random.normal()).collect();
            for row in case.points.values.chunks_mut(dim) {
                row.iter_mut().zip(&common).for_each(|(v, c)| *v += *c as f32);
            }
            case.ends = (1..=300).collect();
            assert_right(&case, &format!("d {dim}, spread {spread}"));
        }
    }
}

#[test]
fn coincident_points_have_distance_zero() {
    for dim in [3, 100] {
        let mut case = Case::new(5, dim, &[50, 50], 2.0);
        let first = case.points.row(0).to_vec();
        for i in [7, 49, 80] {
            case.points.values[i * dim..][..dim].copy_from_slice(&first);
        }
        assert_right(&case, "coincident");
        let same =
            Case { points: PointSet { dim, values: first.repeat(90), ..PointSet::default() }, ends: vec![30, 90] };
        assert!(same.to_segments(&everyone(&same), 2048).iter().all(|&sum| sum == 0.0));
        assert!(same.both(40, 50).iter().all(|&sum| sum == 0.0));
    }
}

#[test]
fn outer_points_may_be_any() {
    let case = Case::new(6, 40, &[100, 1, 30], 1.0);
    let outer: Vec<u32> = vec![3, 4, 50, 99, 100, 130];
    let found = error(&case.to_segments(&outer, 60), &case.expected(&outer));
    assert!(found <= TOLERANCE, "{found:e}");
}

#[test]
fn magnitudes_that_float32_squares_do_not_hold() {
    for dim in [5, 100] {
        for scale in [1e-25, 1e18, 1e25] {
            let mut case = Case::new(7, dim, &[40, 30], 1.0);
            case.points.values.iter_mut().for_each(|v| *v *= scale);
            // distances are float32 in a register tile: they must be normal numbers themselves
            assert_right(&case, &format!("d {dim}, scale {scale:e}"));
        }
    }
}

#[test]
fn two_runs_give_the_same_bits() {
    let case = Case::new(8, 50, &[60, 70], 1.0);
    assert_eq!(case.both(64, 50), case.both(64, 50));
    assert_eq!(case.to_segments(&everyone(&case), 50), case.to_segments(&everyone(&case), 50));
}

#[test]
fn a_wrong_sum_fails_the_comparison() {
    let case = Case::new(9, 50, &[60, 70], 1.0);
    let outer = everyone(&case);
    let want = case.expected(&outer);
    let mut got = case.to_segments(&outer, 2048);
    assert!(error(&got, &want) <= TOLERANCE);
    got[77] *= 1.0 + 3e-6;
    assert!(error(&got, &want) > TOLERANCE);
    got[77] = f64::NAN;
    assert_eq!(error(&got, &want), f64::INFINITY, "NaN never passes");
    let mut moved = Case::new(9, 50, &[60, 70], 1.0);
    moved.points.values[50 * 3] += 0.01;
    assert!(error(&moved.both(64, 50), &want) > TOLERANCE);
}
