//! Random numbers that depend on the run's seed and on what they are for, and on nothing else.

use rand::SeedableRng;
use rand_pcg::Pcg64;

/// The stream for what `path` names: the seed, then say level, step and cluster. Paths that differ give streams that have
/// nothing to do with each other.
pub(super) fn stream(path: &[u64]) -> Pcg64 {
    // SplitMix64 (Steele et al. 2014) spreads each number over all bits before the next is added
    let mix = |state: u64, number: u64| {
        let z = (state ^ number).wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    Pcg64::seed_from_u64(path.iter().fold(path.len() as u64, |state, &number| mix(state, number)))
}

/// A seed for what `path` names, for who takes a number.
pub(super) fn seed_of(path: &[u64]) -> u64 {
    use rand::RngCore;
    stream(path).next_u64()
}
