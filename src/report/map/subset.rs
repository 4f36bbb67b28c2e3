//! Which clusters and which points are on the map.

use crate::base::numeric::to_usize;
use std::collections::BTreeSet;

use rand::Rng;
use rand_pcg::Pcg64;

/// The clusters that have points.
pub(super) fn occupied(sizes: &[u64]) -> Vec<usize> {
    (0..sizes.len()).filter(|&cluster| sizes[cluster] > 0).collect()
}

/// A seeded choice of so many, in their order.
pub(super) fn some(mut of: Vec<usize>, most: usize, random: &mut Pcg64) -> Vec<usize> {
    if of.len() > most {
        // Fisher and Yates, as far as it is needed
        for at in 0..most {
            let other = random.random_range(at..of.len());
            of.swap(at, other);
        }
        of.truncate(most);
        of.sort_unstable();
    }
    of
}

/// The same of the rows, which can be too many to list.
pub(super) fn some_rows(rows: u64, most: usize, random: &mut Pcg64) -> Vec<u64> {
    if rows <= 2 * most as u64 {
        let all = to_usize(rows);
        return some((0..all).collect(), most, random).into_iter().map(|row| row as u64).collect();
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
    fn choices_are_distinct_in_order_and_seeded() {
        for (rows, expected) in [(10, 10), (3_000, 2_000), (1_000_000, 2_000)] {
            let chosen = some_rows(rows, 2_000, &mut Pcg64::seed_from_u64(1));
            assert_eq!(chosen.len(), expected);
            assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]) && chosen.iter().all(|&row| row < rows));
            assert_eq!(chosen, some_rows(rows, 2_000, &mut Pcg64::seed_from_u64(1)));
            assert_eq!(chosen == some_rows(rows, 2_000, &mut Pcg64::seed_from_u64(2)), rows == 10);
        }
    }
}
