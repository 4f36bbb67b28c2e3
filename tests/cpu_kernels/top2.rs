//! The nearest two centroids: exactly those that measuring every centroid finds.

use clustrata::backend::cpu::CpuBackend;
use clustrata::backend::{Backend, Job, TileObservation, Top2, UNLABELLED};
use clustrata::base::matrix::Dtype;

use crate::data::{Centroids, Points, Random, squared};

/// One tile and one level.
struct Case {
    points: Points,
    centroids: Centroids,
    searched: Vec<u32>,
    centre: Vec<f64>,
}

impl Case {
    fn new(points: Points, centroids: Centroids) -> Case {
        let searched = (0..centroids.view().rows() as u32).collect();
        let centre = points.mean();
        Case { points, centroids, searched, centre }
    }

    /// Normal data around `offset`. Every centroid is a point with a little noise, so that rows have different nearest
    /// centroids.
    fn random(seed: u64, (rows, dim, k): (usize, usize, usize), dtype: Dtype, wide: bool, offset: f64) -> Case {
        let mut random = Random(seed);
        let values: Vec<f64> = (0..rows * dim).map(|_| offset + random.normal()).collect();
        let centroids: Vec<f64> = (0..k * dim).map(|_| offset + 0.3 * random.normal()).collect();
        Case::new(Points::new(dtype, dim, &values), Centroids::new(wide, dim, &centroids))
    }

    fn job(&self) -> Job<'_> {
        Job {
            centre: self.centre.clone(),
            searched: vec![self.searched.clone()],
            ..Job::new(self.points.dim, self.points.dtype, self.points.rows() as u64, vec![self.centroids.view()])
        }
    }

    /// The results of the search, and the right ones: in the order of exact distances, with the squares of `own_distances`.
    fn run(&self, labels: &[u32]) -> (Vec<Top2>, Vec<Top2>) {
        let backend = CpuBackend::new(None);
        let job = self.job();
        let tiling = clustrata::backend::Tiling { tile_rows: self.points.rows(), lanes: 1 };
        let mut lane = backend.lane(&job, tiling).expect("a lane");
        lane.staging(self.points.rows()).copy_from_slice(&self.points.bytes);
        lane.upload().expect("uploads");
        let mut found = Vec::new();
        lane.top2(0, labels, &mut found).expect("searches");
        let mut all = vec![Vec::new(); labels.len()];
        let mut observation = TileObservation::default();
        for &cluster in &self.searched {
            let everyone: Vec<u32> = labels.iter().map(|&l| if l == UNLABELLED { l } else { cluster }).collect();
            lane.own_distances(&[&everyone], &mut observation).expect("measures");
            let centroid = self.centroids.row(cluster as usize);
            let measured = observation.levels[0].squared.iter().zip(&mut all).enumerate();
            for (row, (&measured, all)) in measured.filter(|(row, _)| labels[*row] != UNLABELLED) {
                all.push((squared(self.points.row(row), &centroid), cluster != labels[row], cluster, measured));
            }
        }
        let two = |mut all: Vec<(f64, bool, u32, f64)>| {
            all.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
            all.resize(all.len().max(2), (f64::INFINITY, true, UNLABELLED, f64::INFINITY));
            Top2 { clusters: [all[0].2, all[1].2], squared: [all[0].3, all[1].3] }
        };
        let expected = all.into_iter().map(two).collect();
        (found, expected)
    }

    fn assert_exact(&self, name: &str) {
        let (found, expected) = self.run(&vec![0; self.points.rows()]);
        for (row, (found, expected)) in found.iter().zip(&expected).enumerate() {
            assert_eq!(found, expected, "{name}, row {row}");
        }
        assert_eq!(self.wrong(&found), 0, "{name}");
    }

    /// Rows whose distances differ from the two lowest of a float64 loop by more than the rounding of a direct difference.
    fn wrong(&self, found: &[Top2]) -> usize {
        let centroids: Vec<Vec<f64>> = self.searched.iter().map(|&c| self.centroids.row(c as usize)).collect();
        let wrong = |(row, found): &(usize, &Top2)| {
            let mut all: Vec<f64> = centroids.iter().map(|c| squared(self.points.row(*row), c)).collect();
            all.sort_unstable_by(f64::total_cmp);
            all.resize(all.len().max(2), f64::INFINITY);
            let close =
                |got: f64, want: f64| got == want || (got - want).abs() <= 64.0 * f64::from(f32::EPSILON) * want;
            !(close(found.squared[0], all[0]) && close(found.squared[1], all[1]))
        };
        found.iter().enumerate().filter(wrong).count()
    }
}

#[test]
fn shapes_types_and_offsets() {
    let mut seed = 0;
    for rows in [1, 3, 63, 65, 1031] {
        for dim in [1, 2, 33, 64, 768] {
            for k in [1, 2, 4, 5, 33, 1031] {
                if rows * dim * k > 30_000_000 {
                    continue;
                }
                seed += 1;
                let dtype = [Dtype::F32, Dtype::F16, Dtype::F64][seed as usize % 3];
                let offset = [0.0, 100.0, 1000.0][seed as usize / 3 % 3];
                let wide = seed % 2 == 0;
                let case = Case::random(seed, (rows, dim, k), dtype, wide, offset);
                case.assert_exact(&format!("{rows} x {dim}, k {k}, {dtype:?}, wide {wide}, offset {offset}"));
            }
        }
    }
}

#[test]
fn a_tile_of_many_rows() {
    Case::random(3, (8193, 8, 77), Dtype::F32, false, 100.0).assert_exact("8193 rows");
}

#[test]
fn many_columns_are_added_in_several_chains() {
    Case::random(4, (40, 3000, 60), Dtype::F32, false, 10.0).assert_exact("3000 columns");
}

#[test]
fn nothing_to_search() {
    let mut case = Case::random(5, (7, 3, 9), Dtype::F32, false, 0.0);
    case.searched.clear();
    let (found, _) = case.run(&[0; 7]);
    assert_eq!(found, [Top2::NONE; 7]);
}

#[test]
fn one_centroid_has_no_second() {
    let mut case = Case::random(6, (50, 3, 9), Dtype::F32, false, 0.0);
    case.searched = vec![4];
    case.assert_exact("one");
    assert_eq!(case.run(&[0; 50]).0[7].clusters, [4, UNLABELLED]);
}

#[test]
fn only_the_searched_are_found() {
    let mut case = Case::random(7, (300, 12, 500), Dtype::F32, false, 0.0);
    case.searched.retain(|c| c % 7 == 3);
    case.assert_exact("every seventh");
}

#[test]
fn rows_without_a_label_are_not_searched() {
    let case = Case::random(8, (100, 5, 40), Dtype::F32, false, 0.0);
    let labels: Vec<u32> = (0..100).map(|row| if row % 3 == 0 { UNLABELLED } else { row }).collect();
    let (found, expected) = case.run(&labels);
    assert_eq!(found, expected);
    assert_eq!(found[33], Top2::NONE);
    assert_ne!(found[34], Top2::NONE);
}

#[test]
fn coincident_centroids_tie_to_the_lower_index() {
    let mut random = Random(9);
    let points: Vec<f64> = (0..200 * 20).map(|_| random.normal()).collect();
    let distinct: Vec<f64> = (0..7 * 20).map(|_| random.normal()).collect();
    // 7 positions with 30 centroids each: more than a row keeps, so that every row takes the second pass
    let centroids: Vec<f64> = distinct.iter().copied().cycle().take(210 * 20).collect();
    let case = Case::new(Points::new(Dtype::F32, 20, &points), Centroids::new(false, 20, &centroids));
    case.assert_exact("coincident");
    let (found, _) = case.run(&[0; 200]);
    assert!(found.iter().all(|two| two.clusters[0] < 7 && two.clusters[1] == two.clusters[0] + 7));
    // the own cluster comes before its copies
    let labels: Vec<u32> = found.iter().map(|two| two.clusters[0] + 70).collect();
    let (found, expected) = case.run(&labels);
    assert_eq!(found, expected);
    assert!(found.iter().zip(&labels).all(|(two, &own)| two.clusters == [own, own - 70]));
}

#[test]
fn everything_in_one_place() {
    let case = Case::new(Points::new(Dtype::F32, 10, [3.5; 50 * 10]), Centroids::new(false, 10, &[3.5; 90 * 10]));
    case.assert_exact("one place");
}

/// Centroids on a sphere around a point, so that float32 scores can't tell them apart: the exact answer differs in the last
/// bits of the distances.
#[test]
fn centroids_that_differ_by_less_than_a_score_resolves() {
    let mut random = Random(10);
    let (dim, k) = (50, 400);
    let mut centroids = Vec::new();
    for _ in 0..k {
        let direction: Vec<f64> = (0..dim).map(|_| random.normal()).collect();
        let length = squared(&direction, &vec![0.0; dim]).sqrt();
        let radius = 30.0 * (1.0 + 1e-6 * random.uniform());
        centroids.extend(direction.iter().map(|v| 1000.0 + v / length * radius));
    }
    let points: Vec<f64> = (0..100 * dim).map(|_| 1000.0 + 1e-3 * random.normal()).collect();
    for (dtype, wide) in [(Dtype::F32, false), (Dtype::F64, true)] {
        let case = Case::new(Points::new(dtype, dim, &points), Centroids::new(wide, dim, &centroids));
        case.assert_exact(&format!("sphere, {dtype:?}"));
    }
}

/// Two groups so far apart that scores within a group are mostly rounding error.
#[test]
fn groups_that_are_far_apart() {
    let mut random = Random(11);
    let dim = 16;
    let mut drawn = |rows: usize| -> Vec<f64> {
        (0..rows).flat_map(|row| vec![if row % 2 == 0 { 3e3 } else { -3e3 }; 16]).map(|v| v + random.normal()).collect()
    };
    let (points, centroids) = (drawn(200), drawn(300));
    let case = Case::new(Points::new(Dtype::F32, dim, &points), Centroids::new(false, dim, &centroids));
    case.assert_exact("far apart");
}

#[test]
fn magnitudes_that_float32_squares_do_not_hold() {
    for scale in [1e-42, 1e-30, 1e-20, 1e17, 1e19, 1e30] {
        let mut random = Random(12);
        let points: Vec<f64> = (0..60 * 9).map(|_| scale * random.normal()).collect();
        let centroids: Vec<f64> = (0..70 * 9).map(|_| scale * random.normal()).collect();
        let case = Case::new(Points::new(Dtype::F32, 9, &points), Centroids::new(false, 9, &centroids));
        case.assert_exact(&format!("scale {scale:e}"));
        // one huge centroid among ordinary ones, and one huge point
        let mut mixed: Vec<f64> = (0..70 * 9).map(|_| random.normal()).collect();
        mixed[9 * 30] = scale.max(1.0) * 3.0;
        let mut points: Vec<f64> = (0..60 * 9).map(|_| random.normal()).collect();
        points[9 * 20 + 4] = scale.max(1.0) * 2.0;
        let mut case = Case::new(Points::new(Dtype::F32, 9, &points), Centroids::new(false, 9, &mixed));
        case.centre = vec![0.0; 9];
        case.assert_exact(&format!("outlier {scale:e}"));
    }
}

/// Rows that lose the most when they are rounded to integers: zeros, a single column, one column that dwarfs all others, tiny
/// numbers, large numbers. The centroids are of the same kinds, and some occur twice.
fn hostile(seed: u64, (rows, dim, k): (usize, usize, usize), dtype: Dtype, wide: bool) -> Case {
    let mut random = Random(seed);
    let mut row = |kind: usize| -> Vec<f64> {
        let mut row: Vec<f64> = (0..dim).map(|_| random.normal()).collect();
        match kind % 8 {
            0 => row.fill(0.0),
            1 => row[1..].fill(0.0),
            2 => row[dim / 2] = 3e4,
            3 => row.iter_mut().for_each(|v| *v *= 1e-3),
            4 => row.iter_mut().for_each(|v| *v *= 1e3),
            5 => row.iter_mut().for_each(|v| *v = v.signum()),
            _ => {}
        }
        row
    };
    let points: Vec<f64> = (0..rows).flat_map(&mut row).collect();
    let mut centroids: Vec<f64> = (0..k).flat_map(|i| row(i + 3)).collect();
    // every fifth is a copy of the one before it
    (1..k).step_by(5).for_each(|i| centroids.copy_within((i - 1) * dim..i * dim, i * dim));
    let mut case = Case::new(Points::new(dtype, dim, &points), Centroids::new(wide, dim, &centroids));
    if seed.is_multiple_of(2) {
        case.centre = vec![0.0; dim];
    }
    case
}

#[test]
fn rows_that_are_hard_to_round() {
    let mut seed = 100;
    for dim in [1, 2, 3, 31, 33, 511, 513, 2048] {
        for k in [5, 47, 48, 49, 70, 300] {
            seed += 1;
            let (dtype, wide) = ([Dtype::F32, Dtype::F16, Dtype::F64][seed as usize % 3], seed % 4 < 2);
            hostile(seed, (90, dim, k), dtype, wide).assert_exact(&format!("{dim} columns, k {k}, {dtype:?}"));
        }
    }
}

#[test]
fn every_number_of_centroids() {
    for k in 1..=70 {
        hostile(200 + k as u64, (40, 6, k), Dtype::F32, false).assert_exact(&format!("k {k}"));
        Case::random(300 + k as u64, (40, 33, k), Dtype::F32, false, 100.0).assert_exact(&format!("k {k}, offset 100"));
    }
}

/// Columns of all scales: the largest decides how finely all are rounded.
#[test]
fn columns_of_hostile_scales() {
    for (seed, ratio) in [1.1, 2.0, 10.0].into_iter().enumerate() {
        let (mut random, dim) = (Random(400 + seed as u64), 24);
        let mut drawn = |rows: usize| -> Vec<f64> {
            (0..rows * dim).map(|i| random.normal() * f64::powi(ratio, (i % dim) as i32 - 12)).collect()
        };
        let (points, centroids) = (drawn(300), drawn(200));
        let case = Case::new(Points::new(Dtype::F32, dim, &points), Centroids::new(false, dim, &centroids));
        case.assert_exact(&format!("each column {ratio} times the one before"));
    }
}

/// Far groups make a lane abandon 16 bits after its first tile. The answers stay the same.
#[test]
fn tiles_after_one_that_was_too_coarse() {
    let mut random = Random(16);
    let mut drawn = |rows: usize, noise: f64| -> Vec<f64> {
        (0..rows * 16).map(|i| if i / 16 % 2 == 0 { 300.0 } else { -300.0 } + noise * random.normal()).collect()
    };
    let (points, centroids) = (drawn(120, 0.1), drawn(100, 0.1));
    let case = Case::new(Points::new(Dtype::F32, 16, &points), Centroids::new(false, 16, &centroids));
    let expected = case.run(&[0; 120]).1;
    let (job, backend) = (case.job(), CpuBackend::new(None));
    let mut lane = backend.lane(&job, clustrata::backend::Tiling { tile_rows: 40, lanes: 1 }).expect("a lane");
    for (bytes, expected) in case.points.bytes.chunks(40 * 64).zip(expected.chunks(40)) {
        lane.staging(40).copy_from_slice(bytes);
        lane.upload().expect("uploads");
        let mut found = Vec::new();
        lane.top2(0, &[0; 40], &mut found).expect("searches");
        assert_eq!(found, expected);
    }
}

/// The same tile searched on two levels, then another tile: no state of the first one is left.
#[test]
fn levels_and_tiles_follow_each_other() {
    let case = Case::random(13, (90, 20, 50), Dtype::F32, false, 5.0);
    let other = Case::random(14, (60, 20, 50), Dtype::F32, false, 5.0);
    let coarse = Centroids::new(false, 20, &case.centroids.row(3).repeat(6));
    let job = Job {
        searched: vec![case.searched.clone(), vec![1, 2, 5]],
        levels: vec![case.centroids.view(), coarse.view()],
        ..case.job()
    };
    let backend = CpuBackend::new(None);
    let mut lane = backend.lane(&job, clustrata::backend::Tiling { tile_rows: 90, lanes: 1 }).expect("a lane");
    let mut found = Vec::new();
    for (tile, expected) in [(&case, case.run(&[0; 90]).1), (&other, Vec::new()), (&case, case.run(&[0; 90]).1)] {
        lane.staging(tile.points.rows()).copy_from_slice(&tile.points.bytes);
        lane.upload().expect("uploads");
        lane.top2(1, &vec![0; tile.points.rows()], &mut found).expect("searches");
        assert!(found.iter().all(|two| two.clusters == [1, 2]));
        lane.top2(0, &vec![0; tile.points.rows()], &mut found).expect("searches");
        assert!(expected.is_empty() || found == expected);
        assert_eq!(found.len(), tile.points.rows());
    }
}

#[test]
fn a_wrong_answer_fails_the_comparison() {
    let case = Case::random(15, (64, 33, 40), Dtype::F32, false, 0.0);
    let (found, _) = case.run(&[0; 64]);
    assert_eq!(case.wrong(&found), 0);
    let mut swapped = found.clone();
    swapped[5].squared.swap(0, 1);
    assert_eq!(case.wrong(&swapped), 1);
    let mut nan = found.clone();
    nan[6].squared[1] = f64::NAN;
    assert_eq!(case.wrong(&nan), 1);
    let mut missed = Case { searched: case.searched.clone(), ..Case::random(15, (64, 33, 40), Dtype::F32, false, 0.0) };
    missed.searched.retain(|c| *c != found[7].clusters[0]);
    assert!(case.wrong(&missed.run(&[0; 64]).0) >= 1);
}
