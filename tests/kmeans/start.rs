//! The ways to choose first centroids: their quality on well-separated blobs, their bits, and points that are few or repeated.

use clustrata::backend::cpu::CpuBackend;
use clustrata::base::matrix::Dtype;
use clustrata::engine::points::Points as _;
use clustrata::kmeans::{Init, choose_start};

use crate::data::{Random, Stored, fit};

const BLOBS: usize = 40;

/// Blobs of deviation 1, hundreds apart. A blob without a centroid costs far more than all others together.
fn blobs(n: usize) -> Stored {
    let mut random = Random(3);
    let centres: Vec<f64> = (0..BLOBS * 6).map(|_| 1000.0 * random.uniform()).collect();
    let values = (0..n * 6).map(|at| {
        let (row, column) = (at / 6, at % 6);
        centres[row % BLOBS * 6 + column] + random.normal()
    });
    Stored::new(Dtype::F32, 6, values.collect::<Vec<f64>>())
}

/// Objective of the first centroids, and after 10 iterations, for each of five seeds.
fn objectives(points: &Stored, init: Init) -> Vec<[f64; 2]> {
    let backend = CpuBackend::new(None);
    let of = |seed| {
        let mut fit = fit(points, &backend, BLOBS, 10);
        (fit.init, fit.seed) = (init, seed);
        let found = fit.run().expect("clusters").objectives;
        [found[0], *found.last().expect("iterations")]
    };
    (0..5).map(of).collect()
}

#[test]
fn cheaper_starts_find_every_blob_and_a_random_one_does_not() {
    let points = blobs(4000);
    // a centroid in each blob
    let best = 6.0 * 4000.0;
    for init in [Init::KmeansPlusPlus, Init::Sampled, Init::KmeansParallel] {
        for [first, last] in objectives(&points, init) {
            assert!(first < 2.1 * best && last < 1.05 * best, "{init:?}: {first} {last}");
        }
    }
    // control: most random starts miss blobs, and the iterations do not find them
    let random = objectives(&points, Init::Random);
    assert!(random.iter().all(|[first, last]| *first > 100.0 * best && *last > 10.0 * best), "{random:?}");
}

#[test]
fn auto_gives_the_bits_of_plus_plus_on_small_data() {
    let points = blobs(4000);
    let backend = CpuBackend::new(None);
    let of = |init| {
        let mut fit = fit(&points, &backend, BLOBS, 4);
        fit.init = init;
        fit.run().expect("clusters")
    };
    assert_eq!(of(Init::Auto), of(Init::KmeansPlusPlus));
    assert_ne!(of(Init::Sampled), of(Init::KmeansPlusPlus), "a sample finds other centroids");
    assert_eq!(choose_start(Init::Auto, points.len(), BLOBS, 6, 4).init, Init::KmeansPlusPlus);
}

#[test]
fn bits_do_not_depend_on_threads() {
    let points = blobs(4000);
    for init in [Init::Sampled, Init::KmeansParallel] {
        let of = |threads| {
            let backend = CpuBackend::new(std::num::NonZero::new(threads));
            let mut fit = fit(&points, &backend, BLOBS, 3);
            fit.init = init;
            fit.run().expect("clusters")
        };
        assert_eq!(of(1), of(3), "{init:?}");
    }
}

#[test]
fn few_or_repeated_points_are_all_found() {
    let backend = CpuBackend::new(None);
    let objective = |points: &Stored, k, init| {
        let mut fit = fit(points, &backend, k, 3);
        fit.init = init;
        let found = fit.run().expect("clusters");
        (found.objectives[0], found.distinct, found.empty)
    };
    for init in [Init::Sampled, Init::KmeansParallel] {
        // as many clusters as points, and fewer distinct points than clusters
        let points = Stored::groups(3, (50, 4), 3, 0.0, Dtype::F32);
        let (first, distinct, empty) = objective(&points, 50, init);
        assert!(first < 1e-9 && distinct.is_none() && empty == 0, "{init:?}: {first}");
        let values: Vec<f64> = (0..900).map(|row| f64::from(row % 3)).collect();
        let (first, distinct, _) = objective(&Stored::new(Dtype::F32, 1, &values), 10, init);
        assert!(first < 1e-9 && distinct == Some(3), "{init:?}: {first} {distinct:?}");
        // twelve distinct points, most of them rare: a sample has too few
        let values: Vec<f64> = (0..40_000).map(|row| if row < 11 { f64::from(row + 1) } else { 0.0 }).collect();
        let (first, distinct, empty) = objective(&Stored::new(Dtype::F32, 1, &values), 12, init);
        assert!(first < 1e-9 && distinct.is_none() && empty == 0, "{init:?}: {first} {distinct:?}");
    }
}
