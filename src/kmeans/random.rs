//! Streams of random numbers. Each stream depends only on the run's seed and on its purpose, so that a resumed run draws the
//! same numbers.
//!
//! There are two kinds. [`path_stream`] serves the hierarchy: resampling, and the seeds of each level's k-means.
//! [`start_stream`] serves one k-means. They derive their state differently (SplitMix64 and BLAKE3); unifying them would
//! change the result of every seed.

use rand::{RngCore, SeedableRng};
use rand_pcg::Pcg64;

/// The stream of a part of the hierarchy. `path` is the run's seed, then level, step and cluster as needed. Different paths
/// give independent streams.
pub(super) fn path_stream(path: &[u64]) -> Pcg64 {
    // SplitMix64 (Steele et al. 2014) spreads each number over all bits before the next is added
    let mix = |state: u64, number: u64| {
        let z = (state ^ number).wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    Pcg64::seed_from_u64(path.iter().fold(path.len() as u64, |state, &number| mix(state, number)))
}

/// The first number of a [`path_stream`], as the seed of one k-means.
pub(super) fn path_seed(path: &[u64]) -> u64 {
    path_stream(path).next_u64()
}

/// The stream of one batch of initial centroids: `seed` of the k-means, number of the start, and the number of centroids
/// chosen before the batch.
pub(super) fn start_stream(seed: u64, init: u32, number: u64) -> Pcg64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes()).update(&init.to_le_bytes()).update(&number.to_le_bytes());
    Pcg64::from_seed(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::Rng;

    use super::*;

    #[test]
    fn each_key_gives_another_start_stream() {
        let first = |seed, init, number| start_stream(seed, init, number).random::<u64>();
        let all: BTreeSet<u64> =
            [(1, 0, 0), (2, 0, 0), (1, 1, 0), (1, 0, 1)].into_iter().map(|(s, i, n)| first(s, i, n)).collect();
        assert_eq!(all.len(), 4);
        assert_eq!(first(7, 1, 2), first(7, 1, 2));
    }

    #[test]
    fn each_path_gives_another_seed() {
        let paths: [&[u64]; 5] = [&[1], &[1, 0], &[0, 1], &[1, 1], &[2, 0]];
        let seeds: BTreeSet<u64> = paths.into_iter().map(path_seed).collect();
        assert_eq!(seeds.len(), paths.len());
        assert_eq!(path_seed(&[3, 4]), path_seed(&[3, 4]));
    }
}
