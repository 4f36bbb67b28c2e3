//! The candidates of every shape against scores in float64. The whole search hides a kernel's errors where the host scans the
//! centroids instead, so the kernel's own results are compared here.
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

use ndarray::Array2;

use super::*;
use crate::backend::Job;
use crate::backend::gpu::engine::adapter::adapters;
use crate::backend::gpu::engine::device::GpuDevice;
use crate::backend::gpu::engine::exact::squared_norm;
use crate::backend::gpu::engine::options::GpuOptions;
use crate::backend::gpu::engine::units::MAX_LOOP_ITERATIONS;
use crate::backend::gpu::kernels::top2_half::COOPERATIVE;
use crate::backend::gpu::ops::resident::ResidentCache;
use crate::base::matrix::{Dtype, MatrixView};
use crate::base::numeric::to_f32;

/// The shape of a search and the candidates that it found.
type Searched = (KernelShape, Vec<RowCandidates>);

/// Rows, centroids and what is subtracted from both.
struct Case {
    rows: Array2<f32>,
    centroids: Array2<f32>,
    centre: Vec<f64>,
}

/// Uniform values in [-1, 1).
fn drawn(state: &mut u64) -> f64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

impl Case {
    fn new(seed: u64, (rows, dim, k): (usize, usize, usize), offset: f64) -> Case {
        let mut state = seed;
        let mut values = |rows| Array2::from_shape_simple_fn((rows, dim), || to_f32(offset + drawn(&mut state)));
        Case { rows: values(rows), centroids: values(k), centre: vec![offset; dim] }
    }

    fn job(&self) -> Job<'_> {
        let (rows, dim) = self.rows.dim();
        let searched = vec![(0..).take(self.centroids.nrows()).collect()];
        let levels = vec![MatrixView::F32(self.centroids.view())];
        Job { centre: self.centre.clone(), searched, ..Job::new(dim, Dtype::F32, wide(rows), levels) }
    }

    /// The candidates of every row; all rows are one tile.
    fn nominated(&self, gpu: &GpuDevice) -> Result<Vec<RowCandidates>> {
        self.nominated_again(gpu).map(|(found, _)| found)
    }

    /// The same, and how many rows float16 did not decide.
    fn nominated_again(&self, gpu: &GpuDevice) -> Result<(Vec<RowCandidates>, usize)> {
        // Twice, so that results of an earlier search are overwritten.
        let (searches, again) = self.searches(gpu, 2)?;
        Ok((searches.into_iter().next_back().unwrap_or_default().1, again))
    }

    /// Searches all rows, which are one tile, so often. Returns the shape and the candidates of each time,
    /// and how many rows the last search in float16 did not decide.
    fn searches(&self, gpu: &GpuDevice, times: usize) -> Result<(Vec<Searched>, usize)> {
        let job = self.job();
        let rows = self.rows.nrows();
        let plan = gpu.plan(&job, rows)?;
        assert_eq!(plan.tile_rows, rows, "the rows are one tile");
        let mut lane = LaneState::new(gpu, &job, plan)?;
        let resident = ResidentCache::default().get(gpu, &job, &lane.plan)?;
        let (Some(mut centring), Some(mut nominator)) = (Centring::new(&lane)?, Nominator::new(&lane, &resident)?)
        else {
            panic!("the job searches");
        };
        let Some(Some(searched)) = resident.searched.first() else { panic!("the level is searched") };
        lane.tile.staging(rows).copy_from_slice(bytemuck::cast_slice(self.rows.as_slice().unwrap_or_default()));
        lane.upload()?;
        let search = |_| {
            let found = nominator.nominate(&mut lane, &mut centring, 0, searched, 0..rows, None)?.to_vec();
            let now = &nominator.bound[0];
            assert!(std::ptr::eq(now.shape, shape(now.of)), "the kernel is that of the shape");
            Ok((now.of, found))
        };
        let searches = (0..times).map(search).collect::<Result<_>>()?;
        Ok((searches, nominator.again))
    }

    /// Describes the first row with wrong candidates.
    fn wrong(&self, shape: KernelShape, found: &[RowCandidates]) -> Option<String> {
        if found.len() != self.rows.nrows() {
            return Some(format!("{} rows", found.len()));
        }
        let centred = |row: ndarray::ArrayView1<'_, f32>| -> Vec<f64> {
            row.iter().zip(&self.centre).map(|(&value, centre)| f64::from(value) - centre).collect()
        };
        let centroids: Vec<Vec<f64>> = self.centroids.rows().into_iter().map(centred).collect();
        let error = ScoreError::new(&self.centre);
        // A search in float16 may lower the floor by up to twice its error.
        let half =
            if shape == KernelShape::Cooperative { 2.0 * (0.003 + self.centre.len() as f64 * 1e-6) } else { 0.0 };
        let longest = centroids.iter().map(|c| squared_norm(c).sqrt()).fold(0.0, f64::max);
        self.rows.rows().into_iter().zip(found).enumerate().find_map(|(number, (row, found))| {
            let x = centred(row);
            let score = |c: &Vec<f64>| c.iter().zip(&x).map(|(c, x)| c * (c - 2.0 * x)).sum::<f64>();
            let scores: Vec<f64> = centroids.iter().map(score).collect();
            let length = squared_norm(&x).sqrt();
            let wrong = wrong(&scores, found, error.bound(length, longest), half * length * longest);
            wrong.map(|what| format!("row {number}: {what}: {found:?}"))
        })
    }
}

/// What is wrong with a row's candidates. `scores` are the true scores of all centroids, `error` is the largest allowed
/// error, and `lower` is by how much the floor may be too low.
fn wrong(scores: &[f64], found: &RowCandidates, error: f64, lower: f64) -> Option<&'static str> {
    let kept = scores.len().min(4);
    let mut places = found.places[..kept].to_vec();
    for (&place, &score) in places.iter().zip(&found.scores) {
        let off = scores.get(place as usize).map(|truth| (truth - f64::from(score)).abs());
        if off.is_none_or(|off| off.is_nan() || off > error) {
            return Some("a wrong score");
        }
    }
    places.sort_unstable();
    places.dedup();
    if places.len() < kept || !found.scores.is_sorted() {
        return Some("a candidate twice, or out of order");
    }
    if found.scores[kept..].iter().any(|&score| score != search::NOTHING) {
        return Some("a candidate that is not there");
    }
    let others = (0_u32..).zip(scores).filter(|(place, _)| places.binary_search(place).is_err());
    let lowest = others.map(|(_, &score)| score).fold(f64::from(search::NOTHING), f64::min);
    if f64::from(found.floor) > lowest + error {
        return Some("the floor is above the score of another centroid");
    }
    // Each invocation keeps its best two, so what it drops is no better than the third best of all.
    let mut ascending = scores.to_vec();
    ascending.sort_by(f64::total_cmp);
    let third = ascending.get(2).copied().unwrap_or(f64::from(search::NOTHING));
    (f64::from(found.floor) < third - error - lower).then_some("the floor is below the third best")
}

/// Opens every usable adapter in every shape that it can run.
fn in_every_shape(options: &GpuOptions, test: impl Fn(&GpuDevice, &str) -> Result<()>) -> Result<()> {
    for listing in adapters() {
        if let Some(reason) = listing.unusable {
            eprintln!("skipped: {} ({}): {reason}", listing.info.name, listing.info.api);
            continue;
        }
        let cooperative = GpuDevice::open(listing.index, options.clone())?.cooperative;
        if cooperative.is_none() {
            eprintln!("skipped on {}: it has no cooperative matrices", listing.info.name);
        }
        let cooperative = cooperative.map(|_| KernelShape::Cooperative);
        for kernel_shape in KernelShape::EVERYWHERE.into_iter().chain(cooperative) {
            let gpu = GpuDevice::open(listing.index, GpuOptions { kernel_shape, ..options.clone() })?;
            test(&gpu, &format!("{} {kernel_shape:?}", listing.info.name))?;
        }
    }
    Ok(())
}

/// As [`in_every_shape`], with cooperative matrices only.
fn with_cooperative_matrices(options: &GpuOptions, test: impl Fn(&GpuDevice, &str) -> Result<()>) -> Result<()> {
    in_every_shape(options, |gpu, name| match gpu.options.kernel_shape {
        KernelShape::Cooperative => test(gpu, name),
        _ => Ok(()),
    })
}

#[test]
fn every_shape_finds_the_lowest_scores_and_a_floor() -> Result<()> {
    in_every_shape(&GpuOptions::default(), |gpu, name| {
        let mut seed = 0;
        for rows in [1, 65, 200] {
            for dim in [1, 2, 33, 64, 768] {
                for k in [1, 2, 9, 1031] {
                    if rows == 200 && dim * k > 100_000 {
                        continue;
                    }
                    seed += 1;
                    let case = Case::new(seed, (rows, dim, k), if seed % 2 == 0 { 1000.0 } else { 0.0 });
                    let wrong = case.wrong(gpu.options.kernel_shape, &case.nominated(gpu)?);
                    assert_eq!(wrong, None, "{name}: {rows} x {dim}, k {k}");
                }
            }
        }
        Ok(())
    })
}

#[test]
fn searches_take_the_candidates_in_turn_and_then_the_fastest() -> Result<()> {
    for listing in adapters().into_iter().filter(|listing| listing.unusable.is_none()) {
        let name = listing.info.name;
        let gpu = GpuDevice::open(
            listing.index,
            GpuOptions { search_shapes: Some(KernelShape::EVERYWHERE.to_vec()), ..GpuOptions::default() },
        )?;
        let case = Case::new(5, (70, 33, 300), 0.0);
        let (seen, _) = case.searches(&gpu, 20)?;
        for (shape, found) in &seen {
            assert_eq!(case.wrong(*shape, found), None, "{name}: {shape:?}");
        }
        let taken: Vec<KernelShape> = seen.iter().map(|(shape, _)| *shape).collect();
        // the first search of a lane is not timed, nor is the first one of a shape
        let [a, b, c, d] = KernelShape::EVERYWHERE;
        assert_eq!(taken[..9], [a, a, a, b, b, c, c, d, d], "{name}");
        let (tuned, last) = (gpu.shapes.tuned(), taken[19]);
        assert_eq!((tuned[0].shape.as_str(), tuned[0].rates.len()), (last.name(), 4), "{name}: {tuned:?}");
        assert_eq!(
            case.searches(&gpu, 3)?.0.iter().filter(|(shape, _)| *shape == last).count(),
            3,
            "{name}: another lane"
        );
    }
    Ok(())
}

#[test]
fn blocks_dispatches_and_ties_change_nothing() -> Result<()> {
    let small = |resident_bytes| GpuOptions {
        max_binding: Some(64 << 10),
        max_groups: Some(1),
        resident_bytes,
        ..GpuOptions::default()
    };
    for options in [small(None), small(Some(0))] {
        in_every_shape(&options, |gpu, name| {
            // Blocks of 144 and of 16 centroids.
            for (rows, dim, k) in [(150, 100, 777), (1300, 8, 3000), (2, 900, 90)] {
                let mut case = Case::new(31, (rows, dim, k), 0.0);
                // Every fifth centroid equals the one before it.
                for place in (4..k).step_by(5) {
                    let copy = case.centroids.row(place - 1).to_owned();
                    case.centroids.row_mut(place).assign(&copy);
                }
                let wrong = case.wrong(gpu.options.kernel_shape, &case.nominated(gpu)?);
                assert_eq!(wrong, None, "{name}: {rows} x {dim}, k {k}");
            }
            Ok(())
        })?;
    }
    Ok(())
}

#[test]
fn loops_that_would_be_too_long_are_split() -> Result<()> {
    in_every_shape(&GpuOptions::default(), |gpu, name| {
        let case = Case::new(32, (2, 100_000, 140), 0.0);
        assert!(shape(gpu.options.kernel_shape).most_centroids(100_000 / 8).is_some_and(|most| most < 140), "{name}");
        assert_eq!(case.wrong(gpu.options.kernel_shape, &case.nominated(gpu)?), None, "{name}");
        Ok(())
    })
}

#[test]
fn a_wrong_candidate_is_detected() -> Result<()> {
    in_every_shape(&GpuOptions::default(), |gpu, name| {
        let mut case = Case::new(7, (70, 33, 300), 0.0);
        let found = case.nominated(gpu)?;
        assert_eq!(case.wrong(gpu.options.kernel_shape, &found), None, "{name}");
        let broken = |change: fn(&mut RowCandidates)| {
            let mut found = found.clone();
            change(&mut found[5]);
            case.wrong(gpu.options.kernel_shape, &found)
        };
        let changes: [fn(&mut RowCandidates); 6] = [
            |row| row.places[1] = row.places[0],
            |row| row.places.swap(0, 3),
            |row| row.scores[2] += 0.01,
            |row| row.scores[0] = f32::NAN,
            |row| row.floor = search::NOTHING,
            |row| row.floor = -search::NOTHING,
        ];
        for (number, change) in changes.into_iter().enumerate() {
            assert!(broken(change).is_some(), "{name}: change {number} goes unnoticed");
        }
        case.centroids[[3, 0]] += 0.25;
        assert!(case.wrong(gpu.options.kernel_shape, &found).is_some(), "{name}: a moved centroid goes unnoticed");
        Ok(())
    })
}

/// Rows around centroids, as a clustering has them.
fn clustered(seed: u64, (rows, dim, k): (usize, usize, usize)) -> Case {
    let mut case = Case::new(seed, (rows, dim, k), 5.0);
    for (number, mut row) in case.rows.rows_mut().into_iter().enumerate() {
        let own = case.centroids.row(number % k);
        row.iter_mut().zip(own).for_each(|(value, &centre)| *value = centre + 0.5 * (*value - 5.0));
    }
    case
}

#[test]
fn float16_decides_most_rows_and_the_rest_is_searched_again() -> Result<()> {
    with_cooperative_matrices(&GpuOptions::default(), |gpu, name| {
        let shape = gpu.options.kernel_shape;
        let mut case = clustered(41, (300, 100, 500));
        let (found, again) = case.nominated_again(gpu)?;
        assert_eq!(case.wrong(shape, &found), None, "{name}");
        assert!(again < 15, "{name}: {again} of 300 rows are searched again");
        // Each of these rows gets six nearest centroids that float16 can't tell apart: more than there are candidates.
        for row in [7, 123, 299] {
            for number in 0..6 {
                let mut near = case.rows.row(row).mapv(|value| value + 0.01);
                near[row % 100] += 1e-3 * number as f32;
                case.centroids.row_mut(60 * number + row % 50).assign(&near);
            }
        }
        let (found, more) = case.nominated_again(gpu)?;
        assert_eq!(case.wrong(shape, &found), None, "{name}: near ties");
        assert!(more >= again + 3, "{name}: only {more} rows are searched again");
        // Six such centroids for all rows: the whole tile is searched in float32.
        case.rows.fill(5.1);
        for place in 1..7 {
            case.centroids.row_mut(place).fill(5.11 + 1e-6 * place as f32);
        }
        let (found, all) = case.nominated_again(gpu)?;
        assert_eq!((case.wrong(shape, &found), all), (None, 300), "{name}: ties");
        Ok(())
    })
}

#[test]
fn float16_is_scaled_and_an_outlier_leaves_few_rows_undecided() -> Result<()> {
    with_cooperative_matrices(&GpuOptions::default(), |gpu, name| {
        for scale in [1e-12_f32, 1e-4, 1.0, 1e4, 1e9] {
            let mut case = clustered(42, (200, 70, 300));
            case.centre.fill(0.0);
            for values in [&mut case.rows, &mut case.centroids] {
                values.mapv_inplace(|value| (value - 5.0) * scale);
            }
            let check = |case: &Case, what: &str| -> Result<()> {
                let (found, again) = case.nominated_again(gpu)?;
                // Most rows are decided in float16, and the others are right as well.
                assert_eq!(case.wrong(gpu.options.kernel_shape, &found), None, "{name}: {scale}: {what}");
                assert!(again < 20, "{name}: {scale}: {what}: {again} of 200 rows are searched again");
                Ok(())
            };
            check(&case, "scaled")?;
            case.centroids.row_mut(17).mapv_inplace(|value| 300.0 * value);
            check(&case, "a far centroid")?;
            case.rows.row_mut(3).mapv_inplace(|value| 300.0 * value);
            check(&case, "a far row")?;
        }
        Ok(())
    })
}

#[test]
fn no_dispatch_exceeds_the_loop_iterations() {
    for shape in KernelShape::EVERYWHERE.map(shape).into_iter().chain([&COOPERATIVE]) {
        for octets in [1, 4, 96, 1000, 14_000] {
            let Some(most) = shape.most_centroids(octets) else { continue };
            let times = most / shape.centroids;
            let iterations = times * (shape.iterations)(octets) + shape.last_iterations;
            assert!(times > 0 && iterations <= MAX_LOOP_ITERATIONS, "{shape:?} {octets}: {iterations}");
        }
        assert!(shape.most_centroids(14_000).is_some() && shape.most_centroids(u32::MAX).is_none(), "{shape:?}");
    }
    let [invocation, tile] = [KernelShape::PerInvocation, KernelShape::WorkgroupTile].map(shape);
    assert!(invocation.most_centroids(28_999).is_some() && invocation.most_centroids(30_001).is_none());
    assert_eq!(
        (tile.most_centroids(96), shape(KernelShape::RegisterTile).most_centroids(1)),
        (Some(19_200), Some(1 << 20))
    );
}
