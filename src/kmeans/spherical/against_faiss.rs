//! Spherical k-means from given first centroids, beside FAISS (tests/data/cosine/make.py).

use ndarray::{Array2, Axis};
use serde_json::Value;

use super::super::centre::near_middle;
use super::super::fit::Run;
use super::super::shares::Shares;
use super::super::state::State;
use super::super::{Fit, Fitted, Init, SingleProcess, assign};
use crate::backend::cpu::CpuBackend;
use crate::base::error::Findings;
use crate::base::numeric::{as_real, to_usize};
use crate::engine::points::{EmbeddingPoints, Held, Points};
use crate::engine::progress::{Progress, StageProgress};
use crate::formats::embeddings::Embeddings;

struct Quiet;

impl Progress for Quiet {
    fn start_stage(&self, _: &'static str, _: u64, _: u64) -> Box<dyn StageProgress + '_> {
        Box::new(Quiet)
    }
    fn cancelled(&self) -> bool {
        false
    }
}

impl StageProgress for Quiet {
    fn advance(&self, _: u64) {}
}

/// The digits as `--normalize` delivers them.
fn digits() -> Held {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/digits/embeddings.npy");
    let mut embeddings = Embeddings::open(&[path], &mut Findings::new()).expect("opens");
    embeddings.normalize();
    Held::read(&EmbeddingPoints { embeddings: &embeddings, subset: None }).expect("reads")
}

fn rows(points: &dyn Points, positions: &[u64]) -> Array2<f64> {
    let mut bytes = vec![0; positions.len() * points.row_bytes()];
    points.gather(positions, &mut bytes).expect("reads");
    let mut rows = Array2::zeros((positions.len(), points.dim()));
    points.dtype().widen(&bytes, rows.as_slice_mut().expect("row-major"));
    rows
}

fn fitted(points: &dyn Points, backend: &CpuBackend, first: &[u64], spherical: bool) -> Fitted {
    let fit = Fit {
        points,
        backend,
        clusters: first.len(),
        iterations: 40,
        tolerance: 0.0,
        spherical,
        init: Init::Random,
        inits: 1,
        seed: 0,
        communicator: &SingleProcess,
        watch: &Quiet,
        checkpoint: None,
    };
    let shares = Shares::exchange(&SingleProcess, points.len()).expect("alone");
    let mut state = State::new(near_middle(&fit).expect("reads"), to_usize(points.len()), first.len()).expect("memory");
    let first = rows(points, first);
    state.start_iterating(super::start(first.clone(), &first));
    Run { fit: &fit, shares }.all_starts(&mut state).expect("clusters")
}

#[test]
fn spherical_k_means_follows_faiss() {
    let want: Value = serde_json::from_str(include_str!("../../../tests/data/cosine/cosine.json")).expect("JSON");
    let want = &want["spherical"];
    let numbers = |name: &str| want[name].as_array().expect("a list").clone().into_iter();
    let first: Vec<u64> = numbers("first").filter_map(|value| value.as_u64()).collect();
    let cosines: Vec<f64> = numbers("cosines").filter_map(|value| value.as_f64()).collect();
    let labels: Vec<u64> = numbers("labels").filter_map(|value| value.as_u64()).collect();
    let (points, backend) = (digits(), CpuBackend::new(None));
    let agrees = |found: &Fitted| {
        let n = as_real(points.len());
        // the objective is 2 (n - sum of cosines); FAISS adds float32
        let near = |(objective, cosines): (&f64, &f64)| (n - objective / 2.0 - cosines).abs() < 1e-6 * cosines;
        let found_labels = assign(&points, &backend, &found.centroids, &Quiet).expect("assigns").labels;
        found.objectives.len() >= cosines.len().min(10)
            && found.objectives.iter().zip(&cosines).all(near)
            && found_labels.iter().map(|&label| u64::from(label)).eq(labels.iter().copied())
    };
    let found = fitted(&points, &backend, &first, true);
    assert!(agrees(&found), "{:?} and {cosines:?}", found.objectives);
    assert!(found.converged && found.moved.last() == Some(&0), "{:?}", found.moved);
    assert!(found.objectives.is_sorted_by(|a, b| b <= a), "each iteration lowers it: {:?}", found.objectives);
    // the updated objective is what a sum over all points gives
    let measured = assign(&points, &backend, &found.centroids, &Quiet).expect("assigns").inertia();
    let last = found.objectives.last().expect("iterations");
    assert!((measured / last - 1.0).abs() < 1e-9, "{measured} and {last}");
    let norms = found.centroids.map_axis(Axis(1), |row| row.dot(&row).sqrt());
    assert!(norms.iter().all(|norm| (norm - 1.0).abs() < 1e-15), "{norms}");
    // controls: means that keep their norms, and another start
    assert!(!agrees(&fitted(&points, &backend, &first, false)));
    let other: Vec<u64> = first.iter().map(|row| row + 1).collect();
    assert!(!agrees(&fitted(&points, &backend, &other, true)));
}
