//! Nearest and worst neighbours of centroids.

use std::sync::atomic::{AtomicU64, Ordering};

use clustrata::backend::cpu::CpuBackend;
use clustrata::backend::{Backend, CentroidPairs, UNLABELLED};
use clustrata::base::error::{Error, Kind, Result};

use crate::data::{Centroids, Random, squared};

fn pairs(threads: usize, centroids: &Centroids, clusters: &[u32], spread: &[f64]) -> Vec<CentroidPairs> {
    let done = AtomicU64::new(0);
    let tick = |clusters: u64| -> Result<()> {
        done.fetch_add(clusters, Ordering::Relaxed);
        Ok(())
    };
    let backend = CpuBackend::new(std::num::NonZero::new(threads));
    let pairs = backend.centroid_pairs(centroids.view(), clusters, spread, &tick).expect("not stopped");
    assert_eq!(done.into_inner(), clusters.len() as u64, "every cluster is reported once");
    pairs
}

fn expected(centroids: &Centroids, clusters: &[u32], spread: &[f64]) -> Vec<CentroidPairs> {
    let rows: Vec<Vec<f64>> = clusters.iter().map(|&c| centroids.row(c as usize)).collect();
    let of = |i: usize| {
        let mut pairs = CentroidPairs { nearest: UNLABELLED, nearest_squared: f64::INFINITY, worst_ratio: 0.0 };
        for j in (0..rows.len()).filter(|&j| j != i) {
            let squared = squared(&rows[i], &rows[j]);
            if squared < pairs.nearest_squared {
                (pairs.nearest, pairs.nearest_squared) = (clusters[j], squared);
            }
            if squared > 0.0 {
                pairs.worst_ratio = f64::max(pairs.worst_ratio, (spread[i] + spread[j]) / squared.sqrt());
            }
        }
        pairs
    };
    (0..rows.len()).map(of).collect()
}

fn agree(got: &[CentroidPairs], want: &[CentroidPairs]) -> bool {
    // both are float64; the order of additions differs
    let close = |got: f64, want: f64| got == want || (got - want).abs() <= 1e-12 * want;
    let same = |(got, want): (&CentroidPairs, &CentroidPairs)| {
        got.nearest == want.nearest
            && close(got.nearest_squared, want.nearest_squared)
            && close(got.worst_ratio, want.worst_ratio)
    };
    got.len() == want.len() && got.iter().zip(want).all(same)
}

fn random(seed: u64, k: usize, dim: usize, wide: bool, offset: f64) -> (Centroids, Vec<u32>, Vec<f64>) {
    let mut random = Random(seed);
    let values: Vec<f64> = (0..k * dim).map(|_| offset + random.normal()).collect();
    let clusters: Vec<u32> = (0..k as u32).filter(|c| k < 4 || c % 5 != 2).collect();
    let spread = clusters.iter().map(|_| random.uniform()).collect();
    (Centroids::new(wide, dim, &values), clusters, spread)
}

#[test]
fn shapes_types_offsets_and_threads() {
    let mut seed = 0;
    for k in [1, 2, 3, 63, 65, 1031] {
        for dim in [1, 2, 33, 64, 768] {
            if k * k * dim > 100_000_000 {
                continue;
            }
            for (wide, offset) in [(false, 0.0), (true, 0.0), (false, 1000.0), (true, 1e6)] {
                seed += 1;
                let (centroids, clusters, spread) = random(seed, k, dim, wide, offset);
                let got = pairs(3, &centroids, &clusters, &spread);
                let want = expected(&centroids, &clusters, &spread);
                assert!(agree(&got, &want), "k {k}, d {dim}, wide {wide}, offset {offset}");
                assert_eq!(got, pairs(1, &centroids, &clusters, &spread), "the number of threads changes bits");
            }
        }
    }
}

#[test]
fn no_cluster_and_one_cluster() {
    let (centroids, _, _) = random(1, 5, 4, false, 0.0);
    assert!(pairs(2, &centroids, &[], &[]).is_empty());
    let alone = CentroidPairs { nearest: UNLABELLED, nearest_squared: f64::INFINITY, worst_ratio: 0.0 };
    assert_eq!(pairs(2, &centroids, &[3], &[1.0]), [alone]);
}

#[test]
fn coincident_centroids_are_nearest_but_have_no_ratio() {
    let centroids = Centroids::new(false, 2, &[1.0, 1.0, 5.0, 5.0, 1.0, 1.0, 1.0, 1.0]);
    let got = pairs(2, &centroids, &[0, 1, 2, 3], &[1.0; 4]);
    assert!(agree(&got, &expected(&centroids, &[0, 1, 2, 3], &[1.0; 4])));
    assert_eq!((got[0].nearest, got[2].nearest, got[3].nearest), (2, 0, 0));
    assert_eq!(got[0].worst_ratio, 2.0 / 32f64.sqrt());
    let same = Centroids::new(false, 3, &[0.1; 300]);
    let got = pairs(2, &same, &(0..100).collect::<Vec<_>>(), &[1.0; 100]);
    assert!(got.iter().all(|pairs| pairs.nearest_squared == 0.0 && pairs.worst_ratio == 0.0));
    assert_eq!((got[0].nearest, got[99].nearest), (1, 0));
}

#[test]
fn magnitudes_that_float32_squares_do_not_hold() {
    for scale in [1e-30, 1e25] {
        let mut random = Random(5);
        let values: Vec<f64> = (0..90 * 7).map(|_| scale * random.normal()).collect();
        let centroids = Centroids::new(false, 7, &values);
        let clusters: Vec<u32> = (0..90).collect();
        let got = pairs(2, &centroids, &clusters, &[scale; 90]);
        assert!(agree(&got, &expected(&centroids, &clusters, &[scale; 90])), "{scale:e}");
    }
}

#[test]
fn a_wrong_answer_fails_the_comparison() {
    let (centroids, clusters, mut spread) = random(2, 40, 8, false, 0.0);
    let got = pairs(2, &centroids, &clusters, &spread);
    assert!(agree(&got, &expected(&centroids, &clusters, &spread)));
    let mut nan = got.clone();
    nan[3].worst_ratio = f64::NAN;
    assert!(!agree(&nan, &got));
    spread[4] += 0.5;
    assert!(!agree(&got, &expected(&centroids, &clusters, &spread)));
}

#[test]
fn an_error_of_tick_stops_all_threads() {
    let (centroids, clusters, spread) = random(3, 2000, 16, false, 0.0);
    let calls = AtomicU64::new(0);
    let tick = |_: u64| -> Result<()> {
        calls.fetch_add(1, Ordering::Relaxed);
        Err(Error::interrupted())
    };
    let backend = CpuBackend::new(std::num::NonZero::new(3));
    let error = backend.centroid_pairs(centroids.view(), &clusters, &spread, &tick).expect_err("stopped");
    assert_eq!(error.kind(), Kind::Interrupted);
    assert!(calls.into_inner() <= 3, "a thread goes on after the first refusal");
}
