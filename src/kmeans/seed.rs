//! Which points the first centroids are.

use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64;
use std::collections::BTreeSet;

use super::Fit;
use super::centre::Members;
use super::fit::defect;
use crate::base::error::Result;
use crate::engine::points::widen;

/// A stream of random numbers for one purpose, the same wherever and whenever it is asked for: what is chosen after a
/// checkpoint is what would have been chosen without.
pub(super) fn stream(seed: u64, init: u32, number: u64) -> Pcg64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes()).update(&init.to_le_bytes()).update(&number.to_le_bytes());
    Pcg64::from_seed(*hasher.finalize().as_bytes())
}

/// `count` of `points` points, uniformly, ascending (Floyd's algorithm).
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

/// Points of any member, in the order asked for; all members ask for the same.
pub(super) fn fetch(fit: &Fit<'_>, members: &Members, positions: &[u64]) -> Result<Array2<f64>> {
    let (points, dim) = (fit.points, fit.points.dim());
    let mut own: Vec<(u64, usize)> = (positions.iter().copied().zip(0..))
        .filter(|(position, _)| members.own.contains(position))
        .map(|(position, place)| (position - members.own.start, place))
        .collect();
    own.sort_unstable();
    let wanted: Vec<u64> = own.iter().map(|(position, _)| *position).collect();
    let mut bytes = vec![0; wanted.len() * points.row_bytes()];
    points.gather(&wanted, &mut bytes)?;
    let mut values = vec![0.0; positions.len() * dim];
    for ((_, place), bytes) in own.into_iter().zip(bytes.chunks_exact(points.row_bytes().max(1))) {
        widen(points.dtype(), bytes, &mut values[place * dim..][..dim]);
    }
    fit.communicator.all_reduce(&mut values)?;
    Array2::from_shape_vec((positions.len(), dim), values).map_err(|_| defect("rows and columns do not make a matrix"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uniform_choices_are_distinct_and_reach_every_point() {
        let mut seen = [0; 10];
        for number in 0..600 {
            let chosen = uniform(&mut stream(1, 0, number), 10, 3);
            assert!(chosen.len() == 3 && chosen.is_sorted(), "{chosen:?}");
            chosen.iter().for_each(|&at| seen[usize::try_from(at).expect("small")] += 1);
        }
        // 180 each, deviation 11
        assert!(seen.iter().all(|&times| (130..230).contains(&times)), "{seen:?}");
        assert_eq!(uniform(&mut stream(1, 0, 0), 4, 4), [0, 1, 2, 3]);
    }

    #[test]
    fn streams_differ_by_all_that_names_them() {
        let first = |seed, init, number| stream(seed, init, number).random::<u64>();
        let all: BTreeSet<u64> =
            [(1, 0, 0), (2, 0, 0), (1, 1, 0), (1, 0, 1)].into_iter().map(|(s, i, n)| first(s, i, n)).collect();
        assert_eq!(all.len(), 4);
        assert_eq!(first(7, 1, 2), first(7, 1, 2));
    }
}
