//! Draws the points of a sampled silhouette.

use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64;

use crate::base::numeric::to_u32;
use crate::evaluate::Sampling;

/// Sampled places of the order, ascending; `None` for all places.
pub(super) fn choose(points: usize, sampling: Sampling) -> Option<Vec<u32>> {
    let Sampling::Sample { points: wanted, seed } = sampling else { return None };
    if wanted >= points as u64 {
        return None;
    }
    let mut random = Pcg64::seed_from_u64(seed);
    let bound = |stratum: u64| u128::from(stratum) * points as u128 / u128::from(wanted);
    let place = |stratum: u64| random.random_range(bound(stratum)..bound(stratum + 1));
    Some((0..wanted).map(place).map(to_u32).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stratum_yields_one_point_and_every_point_can_be_drawn() {
        let mut seen = [false; 10];
        for seed in 0..64 {
            let taken = choose(10, Sampling::Sample { points: 4, seed }).expect("a sample");
            assert_eq!(taken.len(), 4);
            for (stratum, &place) in taken.iter().enumerate() {
                let bounds = stratum * 10 / 4..(stratum + 1) * 10 / 4;
                assert!(bounds.contains(&(place as usize)), "{place} in stratum {stratum}");
                seen[place as usize] = true;
            }
            assert_eq!(choose(10, Sampling::Sample { points: 4, seed }), Some(taken), "seeded");
        }
        assert_eq!(seen, [true; 10]);
    }

    #[test]
    fn a_sample_of_everything_is_exact() {
        assert_eq!(choose(10, Sampling::Sample { points: 10, seed: 1 }), None);
        assert_eq!(choose(10, Sampling::Exact), None);
    }
}
