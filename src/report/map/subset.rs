//! Random subsets of clusters and points for the map.

use crate::base::numeric::to_usize;
use std::collections::BTreeSet;

use rand::Rng;
use rand_pcg::Pcg64;

/// The non-empty clusters.
pub(super) fn occupied(sizes: &[u64]) -> Vec<usize> {
    (0..sizes.len()).filter(|&cluster| sizes[cluster] > 0).collect()
}

/// At most `most` of the elements, chosen at random, in their order.
pub(super) fn subset(mut of: Vec<usize>, most: usize, random: &mut Pcg64) -> Vec<usize> {
    if of.len() > most {
        // a partial shuffle (Fisher and Yates)
        for at in 0..most {
            let other = random.random_range(at..of.len());
            of.swap(at, other);
        }
        of.truncate(most);
        of.sort_unstable();
    }
    of
}

/// As [`subset`] for the numbers below `rows`, which can be too many to list.
pub(super) fn subset_of_rows(rows: u64, most: usize, random: &mut Pcg64) -> Vec<u64> {
    if rows <= 2 * most as u64 {
        let all = to_usize(rows);
        return subset((0..all).collect(), most, random).into_iter().map(|row| row as u64).collect();
    }
    let mut chosen = BTreeSet::new();
    while chosen.len() < most {
        chosen.insert(random.random_range(0..rows));
    }
    chosen.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn subsets_are_distinct_ordered_and_seeded() {
        for (rows, expected) in [(10, 10), (3_000, 2_000), (1_000_000, 2_000)] {
            let chosen = subset_of_rows(rows, 2_000, &mut Pcg64::seed_from_u64(1));
            assert_eq!(chosen.len(), expected);
            assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]) && chosen.iter().all(|&row| row < rows));
            assert_eq!(chosen, subset_of_rows(rows, 2_000, &mut Pcg64::seed_from_u64(1)));
            assert_eq!(chosen == subset_of_rows(rows, 2_000, &mut Pcg64::seed_from_u64(2)), rows == 10);
        }
    }
}
