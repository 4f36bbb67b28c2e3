//! Compares k-means with itself: interrupted, distributed, with other lanes. Also tests the distribution of initial
//! centroids.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use ndarray::Array2;

use super::centre::near_middle;
use super::distinct::DistinctRows;
use super::fit::Run;
use super::plus_plus::Seeding;
use super::shares::Shares;
use super::state::State;
use super::*;
use crate::backend::cpu::CpuBackend;
use crate::base::error::Kind;
use crate::base::matrix::Dtype;
use crate::base::numeric::{as_real, to_usize};
use crate::engine::points::{MatrixPoints, Points, Stretch};
use crate::engine::progress::StageProgress;

/// Cancels the run at the n-th query.
struct Patience(AtomicI64);

impl Progress for Patience {
    fn start_stage(&self, _: &'static str, _: u64, _: u64) -> Box<dyn StageProgress + '_> {
        Box::new(Patience(AtomicI64::new(0)))
    }

    fn cancelled(&self) -> bool {
        self.0.fetch_sub(1, Ordering::Relaxed) <= 0
    }
}

impl StageProgress for Patience {
    fn advance(&self, _: u64) {}
}

static FOREVER: Patience = Patience(AtomicI64::new(i64::MAX));

/// A few groups of distinct points.
fn matrix(n: usize, dim: usize) -> Array2<f64> {
    let mut bits = 1_u64;
    let mut next = || {
        bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        as_real(bits >> 40) / as_real(1 << 24)
    };
    Array2::from_shape_fn((n, dim), |(row, _)| as_real((row % 7) as u64) * 0.6 + next())
}

fn fit<'a>(points: &'a dyn Points, backend: &'a CpuBackend, clusters: usize, watch: &'a dyn Progress) -> Fit<'a> {
    Fit {
        points,
        backend,
        clusters,
        iterations: 8,
        tolerance: 0.0,
        spherical: false,
        init: Init::KmeansPlusPlus,
        inits: 2,
        seed: 3,
        communicator: &SingleProcess,
        watch,
        checkpoint: None,
    }
}

/// The same with rows of norm 1.
fn unit_matrix(n: usize, dim: usize) -> Array2<f64> {
    let mut matrix = matrix(n, dim) - 2.0;
    matrix.outer_iter_mut().for_each(|mut row| row /= row.dot(&row).sqrt());
    matrix
}

#[test]
fn an_interrupted_run_resumes_to_the_same_bits() {
    for init in [Init::KmeansPlusPlus, Init::KmeansParallel, Init::Sampled] {
        interrupt_and_resume(&matrix(9000, 5), init, false);
    }
    interrupt_and_resume(&unit_matrix(9000, 5), Init::KmeansPlusPlus, true);
}

fn interrupt_and_resume(matrix: &Array2<f64>, init: Init, spherical: bool) {
    let points = MatrixPoints { matrix };
    let backend = CpuBackend::new(std::num::NonZero::new(2));
    let whole = Fit { init, spherical, ..fit(&points, &backend, 20, &FOREVER) }.run().expect("clusters");
    let folder = tempfile::tempdir().expect("a folder");
    let checkpoint = Checkpoint {
        path: folder.path().join("k-means.checkpoint"),
        every: Duration::from_secs(3600),
        identity: "one".to_owned(),
    };
    // during seeding, during iterations, during the second start
    let mut stops = 0;
    for patience in [1, 7, 23, 40, 41, 42, 57, 71, 90, 113, 130, 160, 200] {
        let watch = Patience(AtomicI64::new(patience));
        let mut fit = Fit { init, spherical, ..fit(&points, &backend, 20, &watch) };
        fit.checkpoint = Some(checkpoint.clone());
        let shares = Shares::exchange(&SingleProcess, points.len()).expect("alone");
        let mut state = State::new(near_middle(&fit).expect("reads"), 9000, 20).expect("memory");
        let run = Run { fit: &fit, shares };
        if let Err(error) = run.all_starts(&mut state) {
            assert_eq!(error.kind(), Kind::Interrupted);
            checkpoint::store(&fit, &checkpoint, &state).expect("writes");
            stops += 1;
        }
        fit.watch = &FOREVER;
        assert_eq!(fit.run().expect("resumes"), whole, "{init:?}, stopped after {patience} tiles");
        checkpoint.discard();
        assert!(!checkpoint.path.exists());
    }
    // a sampled start reads fewer tiles
    let least = if init == Init::Sampled { 6 } else { 9 };
    assert!(stops >= least, "{init:?}: {stops} runs were stopped");
}

#[test]
fn a_checkpoint_of_another_run_is_refused() {
    let matrix = matrix(300, 3);
    let points = MatrixPoints { matrix: &matrix };
    let backend = CpuBackend::new(None);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("k-means.checkpoint");
    let mut fit = fit(&points, &backend, 9, &FOREVER);
    let kept = Checkpoint { path, every: Duration::ZERO, identity: "one".to_owned() };
    let state = State::new(near_middle(&fit).expect("reads"), 300, 9).expect("memory");
    checkpoint::store(&fit, &kept, &state).expect("writes");
    fit.checkpoint = Some(Checkpoint { identity: "two".to_owned(), ..kept.clone() });
    let error = fit.run().expect_err("refused");
    assert!(error.to_string().contains("belongs to another k-means"), "{error}");
    fit.checkpoint = Some(kept);
    fit.clusters = 8;
    let error = fit.run().expect_err("refused");
    assert!(error.to_string().contains("does not fit this k-means"), "{error}");
}

#[test]
fn bits_do_not_depend_on_lanes() {
    let matrix = matrix(9000, 5);
    let points = MatrixPoints { matrix: &matrix };
    let of_lanes = |lanes| {
        let backend = CpuBackend::new(std::num::NonZero::new(lanes));
        fit(&points, &backend, 20, &FOREVER).run().expect("clusters")
    };
    let one = of_lanes(1);
    assert_eq!(one, of_lanes(1));
    assert_eq!(one, of_lanes(3));
}

/// The same k-means on several processes with unequal shares of the points.
fn distributed(matrix: &Array2<f64>, size: usize, clusters: usize, init: Init, spherical: bool) -> Vec<Fitted> {
    let folder = tempfile::tempdir().expect("a folder");
    let never = || false;
    let all = MatrixPoints { matrix };
    let end = |rank: usize| if rank == size { all.len() } else { all.len() * (rank * rank) as u64 / 10 };
    let process = |rank: usize| {
        let points = Stretch { of: &all, range: end(rank)..end(rank + 1) };
        let backend = CpuBackend::new(std::num::NonZero::new(1));
        let rendezvous = Rendezvous { folder: folder.path(), rank, size, fingerprint: [0; 32], interface: None };
        let communicator = TcpCommunicator::join(&rendezvous, &never).expect("meets");
        let mut fit = fit(&points, &backend, clusters, &FOREVER);
        (fit.communicator, fit.init, fit.spherical) = (&communicator, init, spherical);
        fit.run().expect("clusters")
    };
    std::thread::scope(|scope| {
        let processes: Vec<_> = (0..size).map(|rank| scope.spawn(move || process(rank))).collect();
        processes.into_iter().map(|process| process.join().expect("no panic")).collect()
    })
}

#[test]
fn several_processes_find_what_one_process_finds() {
    let backend = CpuBackend::new(None);
    let (plain, unit) = (matrix(3000, 5), unit_matrix(3000, 5));
    for (matrix, init, spherical) in [
        (&plain, Init::KmeansPlusPlus, false),
        (&plain, Init::Random, false),
        (&plain, Init::Sampled, false),
        (&plain, Init::KmeansParallel, false),
        (&unit, Init::KmeansPlusPlus, true),
        (&unit, Init::Random, true),
        (&unit, Init::KmeansParallel, true),
    ] {
        let points = MatrixPoints { matrix };
        let mut alone = fit(&points, &backend, 20, &FOREVER);
        (alone.init, alone.spherical) = (init, spherical);
        let alone = alone.run().expect("clusters");
        let labels = |fitted: &Fitted| assign(&points, &backend, &fitted.centroids, &FOREVER).expect("assigns").labels;
        for size in [1, 2, 3] {
            let found = distributed(matrix, size, 20, init, spherical);
            assert!(found.iter().all(|fitted| *fitted == found[0]), "all processes find the same");
            assert_eq!(found[0].moved, alone.moved, "{init:?}, {size} processes");
            for (ours, theirs) in found[0].objectives.iter().zip(&alone.objectives) {
                assert!((ours - theirs).abs() <= 1e-12 * theirs, "{init:?}, {size} processes: {ours} and not {theirs}");
            }
            assert_eq!(labels(&found[0]), labels(&alone), "{init:?}, {size} processes");
        }
    }
}

#[test]
fn the_mean_of_equal_points_of_several_processes_is_the_point() {
    let values = [0.1, 1.0 / 3.0, 0.7, -1e9 - 0.1];
    let shares = [100.0, 300.0, 601.0];
    let matrix = Array2::from_shape_fn((1001, values.len()), |(_, column)| values[column]);
    for fitted in distributed(&matrix, 3, 1, Init::KmeansPlusPlus, false) {
        assert_eq!(fitted.centroids.row(0).to_vec(), values);
    }
    // negative control: sums in float64 are not exact
    let off = |value: &f64| shares.iter().map(|share| share * value).sum::<f64>() / 1001.0 != *value;
    assert!(values.iter().any(off));
}

#[test]
fn an_iteration_exchanges_its_sums_and_little_else() {
    let (clusters, dim) = (100, 64);
    let matrix = matrix(2000, dim);
    let all = MatrixPoints { matrix: &matrix };
    let never = || false;
    let exchanged = |size: usize, iterations: u32| -> Vec<Exchanged> {
        let folder = tempfile::tempdir().expect("a folder");
        let (all, never, folder) = (&all, &never, folder.path());
        let process = move |rank: usize| {
            let end = |rank: usize| all.len() * rank as u64 / size as u64;
            let points = Stretch { of: all, range: end(rank)..end(rank + 1) };
            let backend = CpuBackend::new(std::num::NonZero::new(1));
            let rendezvous = Rendezvous { folder, rank, size, fingerprint: [0; 32], interface: None };
            let communicator = TcpCommunicator::join(&rendezvous, never).expect("meets");
            let mut fit = fit(&points, &backend, clusters, &FOREVER);
            (fit.communicator, fit.init, fit.inits, fit.iterations) = (&communicator, Init::Random, 1, iterations);
            assert_eq!(
                fit.run().expect("clusters").objectives.len(),
                iterations as usize,
                "it goes on to the last one"
            );
            communicator.exchanged()
        };
        std::thread::scope(|scope| {
            let processes: Vec<_> = (0..size).map(|rank| scope.spawn(move || process(rank))).collect();
            processes.into_iter().map(|process| process.join().expect("no panic")).collect()
        })
    };
    for size in [2, 3, 16] {
        for (few, more) in exchanged(size, 2).into_iter().zip(exchanged(size, 5)) {
            let of_three = more.since(few);
            let of_one = [of_three.bytes_sent, of_three.bytes_received].map(|bytes| as_real(bytes) / 3.0);
            // sums in double-double arithmetic are two float64
            let values = 2.0 * 8.0 * as_real((clusters * dim) as u64);
            let least = values * as_real(size as u64 - 1) / as_real(size as u64);
            assert!(
                of_one.iter().all(|&bytes| (least..=2.1 * values).contains(&bytes)),
                "{size} processes: {of_one:?}"
            );
        }
    }
}

/// Six points on a line.
const LINE: [f64; 6] = [0.0, 1.0, 3.0, 4.5, 7.0, 8.0];

/// Probability that k-means++ chooses three of them in this order.
fn likely(order: &[usize]) -> f64 {
    let mut squared = [1.0; LINE.len()];
    let mut likely = 1.0;
    for (number, &taken) in order.iter().enumerate() {
        likely *= squared[taken] / squared.iter().sum::<f64>();
        for (squared, x) in squared.iter_mut().zip(LINE) {
            let here = (x - LINE[taken]).powi(2);
            *squared = if number == 0 { here } else { here.min(*squared) };
        }
    }
    likely
}

/// Pearson's chi-squared statistic of the observed orders, and its degrees of freedom.
fn chi_square(seen: &BTreeMap<Vec<usize>, u32>, draws: u32) -> (f64, f64) {
    let orders = (0..216).map(|number| vec![number / 36, number / 6 % 6, number % 6]);
    let possible: Vec<Vec<usize>> = orders.filter(|o| o[0] != o[1] && o[1] != o[2] && o[0] != o[2]).collect();
    let terms = possible.iter().map(|order| {
        let expected = likely(order) * f64::from(draws);
        (f64::from(seen.get(order).copied().unwrap_or(0)) - expected).powi(2) / expected
    });
    (terms.sum(), f64::from(119_u8))
}

#[test]
fn batches_have_the_distribution_of_single_draws() {
    const DRAWS: u32 = 8000;
    let matrix = Array2::from_shape_fn((LINE.len(), 1), |(row, _)| LINE[row]);
    let points = MatrixPoints { matrix: &matrix };
    let backend = CpuBackend::new(std::num::NonZero::new(1));
    let mut seen = BTreeMap::new();
    for seed in 0..DRAWS {
        let mut fit = fit(&points, &backend, 3, &FOREVER);
        fit.seed = u64::from(seed);
        let shares = Shares::exchange(&SingleProcess, points.len()).expect("alone");
        let mut state = State::new(near_middle(&fit).expect("reads"), LINE.len(), 3).expect("memory");
        let known = DistinctRows::default();
        let mut seeding = Seeding { fit: &fit, shares: &shares, wanted: 3, progress: &FOREVER, known };
        while seeding.step(&mut state).expect("draws") {}
        let order = state.chosen.iter().map(|&point| usize::try_from(point).expect("small")).collect();
        *seen.entry(order).or_insert(0) += 1;
    }
    let (statistic, freedom) = chi_square(&seen, DRAWS);
    let deviations = (statistic - freedom) / (2.0 * freedom).sqrt();
    assert!(deviations < 4.0, "{deviations} deviations too much");
    // control: the same number of uniform draws
    let uniform: BTreeMap<Vec<usize>, u32> =
        (0..216).map(|number| (vec![number / 36, number / 6 % 6, number % 6], DRAWS / 120)).collect();
    let (statistic, _) = chi_square(&uniform, DRAWS);
    assert!((statistic - freedom) / (2.0 * freedom).sqrt() > 40.0, "uniform draws are told apart");
}

#[test]
fn no_centroid_is_hashed_twice_within_a_start() {
    let matrix = matrix(3000, 5);
    let points = MatrixPoints { matrix: &matrix };
    let backend = CpuBackend::new(None);
    let fit = fit(&points, &backend, 300, &FOREVER);
    let shares = Shares::exchange(&SingleProcess, points.len()).expect("alone");
    let fresh = || State::new(near_middle(&fit).expect("reads"), 3000, 300).expect("memory");
    let of_start =
        || Seeding { fit: &fit, shares: &shares, wanted: 300, progress: &FOREVER, known: DistinctRows::default() };
    let (mut whole, mut state, mut steps) = (of_start(), fresh(), 0);
    while whole.step(&mut state).expect("draws") {
        steps += 1;
        assert_eq!(whole.known.len(), state.centroids.nrows());
    }
    assert_eq!((whole.known.hashed(), state.centroids.nrows()), (300, 300), "the points differ");
    // a run that resumes before every batch chooses the same centroids, and hashes them again
    let (mut resumed, mut hashed) = (fresh(), 0);
    for _ in 0..=steps {
        let mut seeding = of_start();
        seeding.step(&mut resumed).expect("draws");
        hashed += seeding.known.hashed();
    }
    assert_eq!((resumed.chosen, resumed.compared), (state.chosen, 300));
    assert!(hashed > 400, "{steps} batches, {hashed} rows hashed");
}

#[test]
fn a_refusal_before_the_fit_is_one_after_the_fit_too() {
    let backend = CpuBackend::new(std::num::NonZero::new(1));
    let (mut foreseen, mut late, mut fine) = (0, 0, 0);
    for case in 0..400_u64 {
        let (clusters, dim) = (to_usize(case % 5 + 1), to_usize(case / 5 % 4 + 1));
        // float32 has steps of 64 around 1e9; the points spread over 1/16 of a step to 256 steps
        let (offset, spread) = (1e9 + as_real(case * 37 % 64), 0.5_f64.powf(as_real(case % 49) / 4.0 - 8.0) * 64.0);
        let matrix = matrix(60 + dim, dim).mapv(|value| offset + (value - 2.0) * spread);
        let points = MatrixPoints { matrix: &matrix };
        let mut ranges = foreseen::Ranges::none(dim);
        let mut rows = vec![0; matrix.len() * 8];
        points.read(0, &mut rows).expect("reads");
        ranges.extend(&points, &rows);
        let early = ranges.refused(clusters);
        let fitted = fit(&points, &backend, clusters, &FOREVER).run().expect("clusters");
        let (exact, objective) = (fitted.centroids, fitted.objectives.last().copied().unwrap_or(0.0));
        let stored = rounding::round_to(&exact, Dtype::F32);
        let assigned = assign(&points, &backend, &stored, &FOREVER).expect("assigns");
        let refused = rounding::check(1, &exact, &stored, &assigned, objective, None).is_err();
        assert!(refused || early.is_none(), "{clusters} clusters, spread {spread}: {early:?}");
        foreseen += u32::from(early.is_some());
        late += u32::from(refused && early.is_none());
        fine += u32::from(!refused);
    }
    assert!(foreseen >= 40 && late >= 40 && fine >= 40, "{foreseen} foreseen, {late} late, {fine} fine");
}
