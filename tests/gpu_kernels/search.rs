//! The nearest two and the sums by label, against naive float64 loops.

use clustrata::backend::gpu::{GpuBackend, GpuOptions, KernelShape};
use clustrata::backend::{Backend, GroupSums, Job, Top2, UNLABELLED};
use clustrata::base::double_double;
use clustrata::base::error::Result;
use clustrata::base::matrix::Dtype;

use crate::case::{
    Case, Centroids, DTYPES, Points, Random, Worst, in_larger_shapes, naive, on_every_adapter, random_case, usable,
};

/// A case with what a search needs to know.
pub(crate) struct Search {
    pub(crate) case: Case,
    searched: Vec<u32>,
    centre: Vec<f64>,
}

impl Search {
    /// Searches every cluster.
    pub(crate) fn new(case: Case) -> Search {
        let k = case.levels[0].0.view().rows() as u32;
        let centre = mean(&case.points);
        Search { case, searched: (0..k).collect(), centre }
    }

    fn job(&self) -> Job<'_> {
        Job { centre: self.centre.clone(), searched: vec![self.searched.clone()], sums: true, ..self.case.job() }
    }

    /// Nearest two and sums of all tiles.
    pub(crate) fn run(&self, backend: &GpuBackend) -> Result<(Vec<Top2>, GroupSums)> {
        let job = self.job();
        let tiling = backend.tiling(&job)?;
        let mut lane = backend.lane(&job, tiling)?;
        let points = &self.case.points;
        let row_bytes = points.dim * points.dtype.size();
        let (mut found, mut total) = (Vec::new(), GroupSums::default());
        for first in (0..points.rows()).step_by(tiling.tile_rows) {
            let rows = tiling.tile_rows.min(points.rows() - first);
            lane.staging(rows).copy_from_slice(&points.bytes[first * row_bytes..(first + rows) * row_bytes]);
            lane.upload()?;
            let labels = &self.case.levels[0].1[first..first + rows];
            let mut nearest = Vec::new();
            lane.top2(0, labels, &mut nearest)?;
            found.extend(nearest);
            let mut sums = GroupSums::default();
            lane.cluster_sums(labels, &mut sums)?;
            add(&mut total, &sums, points.dim);
        }
        Ok((found, total))
    }

    /// The true nearest two of a row; ties to its own cluster, then to the lower index.
    fn truth(&self, row: usize) -> [(f64, u32); 2] {
        let centroids = &self.case.levels[0].0;
        let to = |&cluster: &u32| (naive(self.case.points.row(row), &centroids.row(cluster as usize)), cluster);
        let mut all: Vec<_> = self.searched.iter().map(to).collect();
        all.resize(all.len().max(2), (f64::INFINITY, UNLABELLED));
        let own = self.case.levels[0].1[row];
        let rank = |cluster: u32| (cluster != own, cluster);
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then(rank(a.1).cmp(&rank(b.1))));
        [all[0], all[1]]
    }

    /// The first row whose answer is wrong.
    pub(crate) fn wrong(&self, found: &[Top2]) -> Option<String> {
        let labels = &self.case.levels[0].1;
        assert_eq!(found.len(), labels.len());
        (0..labels.len()).find_map(|row| {
            if labels[row] == UNLABELLED {
                return (found[row] != Top2::NONE).then(|| format!("row {row} has no label"));
            }
            let truth = self.truth(row);
            let mut worst = Worst::default();
            (0..2).for_each(|place| worst.take(truth[place].0, found[row].squared[place]));
            let right = found[row].clusters == truth.map(|(_, cluster)| cluster) && worst.0 <= 2e-5;
            (!right).then(|| format!("row {row}: {:?}, expected {truth:?}", found[row]))
        })
    }

    /// The largest error of a sum, in units of the sum of magnitudes.
    fn sum_error(&self, given: &GroupSums) -> f64 {
        let (points, labels) = (&self.case.points, &self.case.levels[0].1);
        let mut known: Vec<u32> = labels.iter().copied().filter(|&label| label != UNLABELLED).collect();
        known.sort_unstable();
        known.dedup();
        if known != given.clusters || given.sums.len() != known.len() * points.dim {
            return f64::INFINITY;
        }
        let mut expected = vec![([0.0], [0.0], 0.0); given.sums.len()];
        for (row, label) in labels.iter().enumerate() {
            let Ok(place) = known.binary_search(label) else { continue };
            for (column, (value, centre)) in points.row(row).iter().zip(&self.centre).enumerate() {
                let (sum, rest, size) = &mut expected[place * points.dim + column];
                double_double::add((sum, rest), (&[*value], &[0.0]));
                *size += (value - centre).abs();
            }
        }
        let mut worst = 0.0;
        for ((sum, rest, size), (given, given_rest)) in expected.iter().zip(given.sums.iter().zip(&given.rests)) {
            let error = ((sum[0] - given) + (rest[0] - given_rest)).abs() / f64::max(*size, f64::MIN_POSITIVE);
            worst = f64::max(worst, if error.is_nan() { f64::INFINITY } else { error });
        }
        worst
    }

    fn assert_right(&self, backend: &GpuBackend, what: &str) -> Result<()> {
        let (found, sums) = self.run(backend)?;
        let wrong = self.wrong(&found);
        assert!(wrong.is_none(), "{what}: {}", wrong.unwrap_or_default());
        let error = self.sum_error(&sums);
        assert!(error <= 1e-6, "{what}: sums are off by {error}");
        Ok(())
    }
}

/// Adds sums of one tile to those of others.
fn add(total: &mut GroupSums, tile: &GroupSums, dim: usize) {
    assert!(tile.clusters.windows(2).all(|pair| pair[0] < pair[1]));
    for (cluster, sum) in tile.iter() {
        let place = match total.clusters.binary_search(&cluster) {
            Ok(place) => place,
            Err(place) => {
                total.clusters.insert(place, cluster);
                for values in [&mut total.sums, &mut total.rests] {
                    values.splice(place * dim..place * dim, std::iter::repeat_n(0.0, dim));
                }
                place
            }
        };
        let place = place * dim..(place + 1) * dim;
        double_double::add((&mut total.sums[place.clone()], &mut total.rests[place]), sum);
    }
}

fn mean(points: &Points) -> Vec<f64> {
    let mut mean = vec![0.0; points.dim];
    for row in 0..points.rows() {
        mean.iter_mut().zip(points.row(row)).for_each(|(mean, value)| *mean += value / points.rows() as f64);
    }
    mean
}

#[test]
fn odd_shapes_types_and_offsets_have_the_true_winners() -> Result<()> {
    on_every_adapter(&GpuOptions::default(), |backend, name| {
        let mut seed = 0;
        for rows in [1, 3, 63, 65, 1031] {
            for dim in [1, 2, 33, 64, 768] {
                for k in [1, 2, 9, 1031] {
                    if rows * dim * k > 40_000_000 {
                        continue;
                    }
                    seed += 1;
                    let dtype = DTYPES[seed % 3];
                    let wide = seed.is_multiple_of(2);
                    // float16 holds no deviations of 1 around 1000
                    let offset = [0.0, 100.0, if dtype == Dtype::F16 { 100.0 } else { 1000.0 }][seed / 3 % 3];
                    let mut case = random_case(seed as u64, (rows, dim, k), dtype, wide, offset);
                    case.tile_rows = if seed % 4 == 1 { rows.div_ceil(3) } else { 0 };
                    let search = Search::new(case);
                    search.assert_right(
                        backend,
                        &format!("{name}: {rows} x {dim}, k {k}, {dtype:?}, {wide}, {offset}"),
                    )?;
                }
            }
        }
        Search::new(random_case(900, (8193, 2, 1031), Dtype::F32, false, 100.0)).assert_right(backend, name)
    })
}

/// The shapes that only searches have.
#[test]
fn register_tiles_and_cooperative_matrices_have_the_true_winners() -> Result<()> {
    let small = GpuOptions { max_binding: Some(64 << 10), max_groups: Some(2), ..GpuOptions::default() };
    for (options, dim) in [(GpuOptions::default(), 33), (small, 100)] {
        in_larger_shapes(&options, |backend, name| {
            for (seed, dtype) in (40..).zip(DTYPES) {
                let case = random_case(seed, (1031, dim, 777), dtype, dtype == Dtype::F64, 100.0);
                Search::new(case).assert_right(backend, &format!("{name}: {dtype:?}"))?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

#[test]
fn a_wrong_answer_is_detected() -> Result<()> {
    on_every_adapter(&GpuOptions::default(), |backend, name| {
        let mut search = Search::new(random_case(7, (500, 64, 40), Dtype::F32, false, 0.0));
        let (found, sums) = search.run(backend)?;
        assert!(search.wrong(&found).is_none() && search.sum_error(&sums) <= 1e-6, "{name}");
        let mut swapped = found.clone();
        swapped[4].clusters.swap(0, 1);
        let mut broken = found.clone();
        broken[4].squared[1] = f64::NAN;
        let mut off = found.clone();
        off[4].squared[0] *= 1.0001;
        assert!([swapped, broken, off].iter().all(|found| search.wrong(found).is_some()), "{name}");
        let mut nan = sums.clone();
        nan.sums[5] = f64::NAN;
        let mut moved = sums.clone();
        moved.sums[5] += 1e-3;
        assert!(search.sum_error(&nan) > 1e-6 && search.sum_error(&moved) > 1e-6, "{name}");
        search.case.levels[0].0.perturb(3);
        assert!(search.wrong(&found).is_some(), "{name}: a moved centroid goes unnoticed");
        Ok(())
    })
}

#[test]
fn squared_distances_are_those_of_own_distances() -> Result<()> {
    on_every_adapter(&GpuOptions::default(), |backend, name| {
        for dtype in DTYPES {
            let mut search = Search::new(random_case(17, (700, 33, 20), dtype, dtype == Dtype::F64, 10.0));
            let (found, _) = search.run(backend)?;
            for place in 0..2 {
                for (label, found) in search.case.levels[0].1.iter_mut().zip(&found) {
                    *label = found.clusters[place];
                }
                let answers = search.case.run(backend)?;
                for (first, answer) in &answers {
                    for (row, squared) in answer.levels[0].squared.iter().enumerate() {
                        let found = found[first + row];
                        assert!(found.clusters[place] == UNLABELLED || *squared == found.squared[place], "{name}");
                    }
                }
            }
        }
        Ok(())
    })
}

#[test]
fn only_the_searched_clusters_are_found() -> Result<()> {
    on_every_adapter(&GpuOptions::default(), |backend, name| {
        for searched in [vec![], vec![7], vec![3, 50], (0..99).filter(|cluster| cluster % 3 == 1).collect()] {
            let mut search = Search::new(random_case(18, (300, 20, 99), Dtype::F32, false, 0.0));
            search.searched = searched;
            if search.searched.is_empty() {
                assert!(search.run(backend).is_err(), "{name}: a level that is not searched");
            } else {
                search.assert_right(backend, &format!("{name}: {:?}", search.searched))?;
            }
        }
        Ok(())
    })
}

#[test]
fn centroids_come_in_blocks_where_they_do_not_fit() -> Result<()> {
    let lowered = |resident_bytes| GpuOptions {
        max_binding: Some(64 << 10),
        max_groups: Some(2),
        resident_bytes,
        ..GpuOptions::default()
    };
    for options in [lowered(None), lowered(Some(0))] {
        on_every_adapter(&options, |backend, name| {
            for (dtype, wide) in [(Dtype::F16, false), (Dtype::F32, true), (Dtype::F64, true)] {
                let case = random_case(19, (2100, 100, 777), dtype, wide, 100.0);
                Search::new(case).assert_right(backend, &format!("{name}: {dtype:?}"))?;
            }
            // fewer centroids fit than one dispatch processes at a time
            Search::new(random_case(20, (5, 3000, 30), Dtype::F32, false, 0.0)).assert_right(backend, name)
        })?;
    }
    Ok(())
}

#[test]
fn the_device_and_the_host_measure_candidates_with_the_same_bits() -> Result<()> {
    let adapters = usable().into_iter().map(|listing| listing.index);
    let shapes = [KernelShape::PerInvocation, KernelShape::WorkgroupTile];
    for (index, kernel_shape) in adapters.flat_map(|index| shapes.map(|shape| (index, shape))) {
        // without resident centroids, the host has candidates measured in rounds
        let open = |resident_bytes| {
            GpuBackend::open(index, GpuOptions { kernel_shape, resident_bytes, ..GpuOptions::default() })
        };
        let (backend, host) = (open(None)?, open(Some(0))?);
        for (dtype, dim, k, offset) in [
            (Dtype::F16, 33, 1031, 0.0),
            (Dtype::F32, 64, 777, 100.0),
            (Dtype::F32, 2, 5, 0.0),
            (Dtype::F32, 8, 1, 0.0),
            (Dtype::F64, 100, 63, 1e6),
        ] {
            let search = Search::new(random_case(23, (2100, dim, k), dtype, dtype == Dtype::F64, offset));
            let before = backend.traffic().expect("a GPU counts");
            let (found, _) = search.run(&backend)?;
            let down = backend.traffic().expect("a GPU counts").since(before).bytes_down;
            let before = host.traffic().expect("a GPU counts");
            let (expected, _) = search.run(&host)?;
            let rounds = host.traffic().expect("a GPU counts").since(before).bytes_down;
            assert_eq!(found, expected, "{index} {kernel_shape:?}: {dtype:?} {dim} {k}");
            // 32 bytes a row are the four candidates' places and scores, which need not come back
            assert!(down + 32 * 2100 < rounds, "{index} {kernel_shape:?}: {down} and {rounds} bytes");
        }
    }
    Ok(())
}

#[test]
fn searches_longer_than_an_invocation_may_run_are_right() -> Result<()> {
    on_every_adapter(&GpuOptions::default(), |backend, name| {
        for (rows, dim, k) in [(5, 3000, 2100), (3, 60_000, 70), (2, 500_000, 9)] {
            Search::new(random_case(21, (rows, dim, k), Dtype::F32, false, 1.0)).assert_right(backend, name)?;
        }
        Ok(())
    })
}

#[test]
fn coincident_and_nearly_coincident_centroids_go_to_the_lower_index() -> Result<()> {
    on_every_adapter(&GpuOptions::default(), |backend, name| {
        // groups of one, two, three and more equal centroids; differences that scores can't tell; differences that
        // float32 can't tell
        for (wide, step) in [(false, 0.0), (false, 1e-6), (true, 1e-9)] {
            let mut random = Random(22);
            let points = Points::new(Dtype::F32, 48, (0..400 * 48).map(|_| 5.0 + random.normal()));
            let base: Vec<f64> = (0..12 * 48).map(|_| 5.0 + random.normal()).collect();
            let mut place = 0;
            let centroids = Centroids::new(wide, 60, 48, || {
                let (row, column) = (place / 48, place % 48);
                place += 1;
                let moved = if column == row % 48 { step * (row / 12) as f64 } else { 0.0 };
                base[row % (1 + row % 12) * 48 + column] + moved
            });
            let labels = (0..400).map(|row| row % 60).collect();
            let case = Case { points, levels: vec![(centroids, labels)], tile_rows: 0, keep_rows: true };
            Search::new(case).assert_right(backend, &format!("{name}: {step}"))?;
        }
        let points = Points::new(Dtype::F32, 10, (0..300 * 10).map(|_| 0.1));
        let centroids = Centroids::new(false, 30, 10, || 0.1);
        let case = Case { points, levels: vec![(centroids, vec![1; 300])], tile_rows: 0, keep_rows: true };
        Search::new(case).assert_right(backend, &format!("{name}: all equal"))
    })
}

#[test]
fn extreme_magnitudes_are_searched_on_the_host() -> Result<()> {
    on_every_adapter(&GpuOptions::default(), |backend, name| {
        for (dtype, scale) in [(Dtype::F32, 1e25), (Dtype::F32, 1e-25), (Dtype::F64, 1e100), (Dtype::F64, 1e-100)] {
            let mut random = Random(23);
            let mut place = 0;
            let mut mixed = |every: usize| {
                place += 1;
                random.normal() * if place / 9 % every == 0 { scale } else { 1.0 }
            };
            let points = Points::new(dtype, 9, (0..200 * 9).map(|_| mixed(5)).collect::<Vec<_>>());
            let centroids = Centroids::new(dtype == Dtype::F64, 20, 9, || mixed(6));
            let labels = (0..200).map(|row| row % 20).collect();
            let case = Case { points, levels: vec![(centroids, labels)], tile_rows: 0, keep_rows: true };
            let mut search = Search::new(case);
            search.assert_right(backend, &format!("{name}: {dtype:?} {scale:e}"))?;
            search.centre = vec![0.5; 9];
            search.assert_right(backend, &format!("{name}: {dtype:?} {scale:e}, another centre"))?;
        }
        Ok(())
    })
}

#[test]
fn large_runs_and_a_label_for_each_row_add_up() -> Result<()> {
    let small = GpuOptions { max_binding: Some(64 << 10), max_groups: Some(3), ..GpuOptions::default() };
    for options in [GpuOptions::default(), small] {
        on_every_adapter(&options, |backend, name| {
            for clusters in [1, 2, 3000] {
                let mut case = random_case(24, (3000, 33, 3000), Dtype::F32, false, 100.0);
                case.levels[0].1.iter_mut().zip(0..).for_each(|(label, row)| *label = row % clusters);
                let mut search = Search::new(case);
                search.searched.truncate(5);
                search.assert_right(backend, &format!("{name}: {clusters} labels"))?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

#[test]
fn a_lost_device_finds_nothing() -> Result<()> {
    on_every_adapter(&GpuOptions::default(), |backend, name| {
        let search = Search::new(random_case(91, (100, 8, 3), Dtype::F32, false, 0.0));
        let job = search.job();
        let tiling = backend.tiling(&job)?;
        let mut lane = backend.lane(&job, tiling)?;
        lane.staging(100).copy_from_slice(&search.case.points.bytes);
        lane.upload()?;
        backend.destroy();
        let labels = &search.case.levels[0].1;
        let errors =
            [lane.top2(0, labels, &mut Vec::new()).err(), lane.cluster_sums(labels, &mut GroupSums::default()).err()];
        for error in errors {
            let error = error.map(|error| error.to_string());
            assert!(error.as_ref().is_some_and(|error| error.contains("GPU")), "{name}: {error:?}");
        }
        Ok(())
    })
}
