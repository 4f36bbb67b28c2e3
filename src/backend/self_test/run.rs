//! Runs the self-test on a backend.

use std::collections::BTreeMap;

use super::case::Case;
use super::data::Data;
use super::outcome::{self, Outcome};
use super::pairs;
use crate::backend::{Backend, GroupSums, Job, TileObservation, Tiling, Top2};
use crate::base::double_double;
use crate::base::error::Result;

/// Runs every operation of `backend` on one case.
///
/// # Errors
/// Errors of the device. A wrong result is not an error; its [`Outcome`] has not passed.
pub fn run(backend: &dyn Backend, case: &Case, seed: u64) -> Result<Vec<Outcome>> {
    let data = Data::draw(*case, seed);
    let job = Job {
        tile_rows: case.rows,
        keep_rows: true,
        pairwise: true,
        centre: data.centre(),
        searched: vec![data.searched()],
        sums: true,
        ..Job::new(case.dim, case.dtype, case.rows as u64, vec![data.centroids()])
    };
    let Tiling { tile_rows, .. } = backend.tiling(&job)?;
    let mut lane = backend.lane(&job, Tiling { tile_rows, lanes: 1 })?;
    let mut squared = Vec::new();
    let mut sums: BTreeMap<u32, [f64; 4]> = BTreeMap::new();
    let mut matrix = Vec::new();
    let mut nearest = Vec::new();
    let mut points: BTreeMap<u32, (Vec<f64>, Vec<f64>)> = BTreeMap::new();
    let row_bytes = case.dim * case.dtype.size();
    for (labels, bytes) in data.labels.chunks(tile_rows).zip(data.bytes.chunks(tile_rows * row_bytes)) {
        lane.staging(labels.len()).copy_from_slice(bytes);
        lane.upload()?;
        let mut seen = TileObservation::default();
        lane.own_distances(&[labels], &mut seen)?;
        let seen = seen.levels.remove(0);
        for run in outcome::runs_of(labels, &seen) {
            let sum = sums.entry(run.0).or_default();
            *sum = [sum[0] + run.1[0], sum[1] + run.1[1], sum[2] + run.1[2], sum[3].max(run.1[3])];
        }
        squared.extend(seen.squared);
        let mut block = vec![f32::NAN; labels.len() * case.clusters];
        lane.pairwise(0, 0, case.clusters, &mut block)?;
        matrix.extend(block);
        let mut two: Vec<Top2> = Vec::new();
        lane.top2(0, labels, &mut two)?;
        nearest.extend(two);
        let mut groups = GroupSums::default();
        lane.cluster_sums(labels, &mut groups)?;
        for (cluster, sum) in groups.iter() {
            let (sums, rests) = points.entry(cluster).or_insert_with(|| (vec![0.0; case.dim], vec![0.0; case.dim]));
            double_double::add((sums, rests), sum);
        }
    }
    Ok(vec![
        outcome::rows(&data, &squared),
        outcome::sums(&data, &sums),
        outcome::matrix(&data, &matrix),
        outcome::nearest(&data, &nearest),
        outcome::points(&data, &points),
        pairs::centroid_pairs(backend, &data)?,
        pairs::distance_sums(backend, &data)?,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::cpu::CpuBackend;
    use crate::backend::self_test::CASES;

    #[test]
    fn the_cpu_backend_passes_every_case() {
        let backend = CpuBackend::new(None);
        for (seed, case) in CASES.iter().enumerate() {
            for outcome in run(&backend, case, seed as u64).expect("the CPU never fails") {
                assert!(outcome.passed(), "{case:?}: {outcome:?}");
            }
        }
    }

    #[test]
    fn a_wrong_result_fails() {
        let data = Data::draw(CASES[3], 1);
        let mut squared: Vec<f64> = (0..data.labels.len())
            .map(|row| match data.labels[row] {
                crate::backend::UNLABELLED => f64::NAN,
                label => data.squared(row, label as usize),
            })
            .collect();
        assert!(outcome::rows(&data, &squared).passed());
        let labelled = data.labels.iter().position(|&l| l != crate::backend::UNLABELLED).expect("some row has a label");
        squared[labelled] *= 1.0 + 4e-5;
        assert!(!outcome::rows(&data, &squared).passed());
        squared[labelled] = f64::NAN;
        assert!(!outcome::rows(&data, &squared).passed());
        assert!(!outcome::sums(&data, &BTreeMap::new()).passed());
        assert!(!outcome::matrix(&data, &[]).passed());
    }
}
