//! Initial centroids are points: draws them, and fetches them from the processes that hold them.

use ndarray::Array2;
use rand::Rng;
use rand_pcg::Pcg64;
use std::collections::BTreeSet;

use super::Fit;
use super::errors::defect;
use super::shares::Shares;
use crate::base::error::Result;

/// Draws `count` of `points` points uniformly, without replacement (Floyd's algorithm). Returns them in ascending order.
pub(super) fn uniform(random: &mut Pcg64, points: u64, count: usize) -> Vec<u64> {
    let mut chosen = BTreeSet::new();
    for last in points - count as u64..points {
        let drawn = random.random_range(0..=last);
        if !chosen.insert(drawn) {
            chosen.insert(last);
        }
    }
    chosen.into_iter().collect()
}

/// Fetches points of any process, `[positions.len(), d]`, in the given order. All processes must pass the same positions.
pub(super) fn fetch(fit: &Fit<'_>, shares: &Shares, positions: &[u64]) -> Result<Array2<f64>> {
    let (points, dim) = (fit.points, fit.points.dim());
    let mut own: Vec<(u64, usize)> = (positions.iter().copied().zip(0..))
        .filter(|(position, _)| shares.own.contains(position))
        .map(|(position, place)| (position - shares.own.start, place))
        .collect();
    own.sort_unstable();
    let wanted: Vec<u64> = own.iter().map(|(position, _)| *position).collect();
    let mut bytes = vec![0; wanted.len() * points.row_bytes()];
    points.gather(&wanted, &mut bytes)?;
    let mut values = vec![0.0; positions.len() * dim];
    for ((_, place), bytes) in own.into_iter().zip(bytes.chunks_exact(points.row_bytes().max(1))) {
        points.dtype().widen(bytes, &mut values[place * dim..][..dim]);
    }
    fit.communicator.all_reduce(&mut values)?;
    Array2::from_shape_vec((positions.len(), dim), values).map_err(|_| defect("rows and columns do not make a matrix"))
}

#[cfg(test)]
mod tests {
    use super::super::random::start_stream;
    use super::*;

    #[test]
    fn uniform_choices_are_distinct_and_reach_every_point() {
        let mut seen = [0; 10];
        for number in 0..600 {
            let chosen = uniform(&mut start_stream(1, 0, number), 10, 3);
            assert!(chosen.len() == 3 && chosen.is_sorted(), "{chosen:?}");
            chosen.iter().for_each(|&at| seen[usize::try_from(at).expect("small")] += 1);
        }
        // 180 each, deviation 11
        assert!(seen.iter().all(|&times| (130..230).contains(&times)), "{seen:?}");
        assert_eq!(uniform(&mut start_stream(1, 0, 0), 4, 4), [0, 1, 2, 3]);
    }
}
