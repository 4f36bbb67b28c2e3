//! Nearest and worst neighbours among the centroids of a level.

use super::evaluation::Evaluation;
use crate::backend::CentroidPairs;
use crate::base::error::{Error, Result};
use crate::base::matrix::{MatrixView, UNLABELLED};
use crate::base::numeric::as_real;
use crate::engine::partials::Sums;
use crate::metrics::level_statistics::Neighbours;

/// Neighbours among the `centroids` of the non-empty clusters. `sums` gives their sizes and mean distances.
pub(super) fn among(run: &Evaluation<'_>, centroids: MatrixView<'_>, sums: &[Sums]) -> Result<Vec<Neighbours>> {
    let full: Vec<u32> = (0..).zip(sums).filter(|(_, sums)| sums.size > 0).map(|(cluster, _)| cluster).collect();
    let spread = |&cluster: &u32| sums[cluster as usize].distance / as_real(sums[cluster as usize].size);
    let spread: Vec<f64> = full.iter().map(spread).collect();
    let progress = run.watch.start_stage("clusters", full.len() as u64, 0);
    let tick = |clusters: u64| {
        progress.advance(clusters);
        if run.watch.cancelled() { Err(Error::interrupted()) } else { Ok(()) }
    };
    let found = run.backend.centroid_pairs(centroids, &full, &spread, &tick)?;
    let mut all = vec![Neighbours::NONE; sums.len()];
    for (&cluster, pairs) in full.iter().zip(found) {
        all[cluster as usize] = neighbours(pairs);
    }
    Ok(all)
}

fn neighbours(pairs: CentroidPairs) -> Neighbours {
    let CentroidPairs { nearest, nearest_squared, worst_ratio } = pairs;
    let there = nearest != UNLABELLED;
    let distance = if there { nearest_squared.sqrt() } else { f64::NAN };
    Neighbours { nearest: there.then_some(nearest.into()), distance, worst_ratio }
}
