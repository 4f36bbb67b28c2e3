//! Selects members of a cluster.

use rand::Rng;

use super::request::Strategy;

/// Selects `count` of `members`, or all if there are fewer. `members` are sorted by distance to the centroid. Returns the
/// first ones, or a random choice without replacement in the order of the draws.
pub fn take(members: &[u64], count: usize, strategy: Strategy, random: &mut impl Rng) -> Vec<u64> {
    match strategy {
        Strategy::Closest => members[..count.min(members.len())].to_vec(),
        Strategy::Random => draw(members.to_vec(), count, random),
    }
}

/// Draws `count` of `items` without replacement (a partial Fisher-Yates shuffle).
pub(super) fn draw<T>(mut items: Vec<T>, count: usize, random: &mut impl Rng) -> Vec<T> {
    let count = count.min(items.len());
    for place in 0..count {
        let chosen = random.random_range(place..items.len());
        items.swap(place, chosen);
    }
    items.truncate(count);
    items
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_pcg::Pcg64;

    #[test]
    fn the_closest_are_the_first_and_the_count_is_capped() {
        let mut random = Pcg64::seed_from_u64(0);
        assert_eq!(take(&[7, 3, 9], 2, Strategy::Closest, &mut random), [7, 3]);
        assert_eq!(take(&[7, 3, 9], 5, Strategy::Closest, &mut random), [7, 3, 9]);
        assert_eq!(take(&[7, 3, 9], 5, Strategy::Random, &mut random).len(), 3);
        assert!(take(&[], 5, Strategy::Random, &mut random).is_empty());
    }

    #[test]
    fn every_pair_is_drawn_equally_often() {
        let mut random = Pcg64::seed_from_u64(1);
        let mut counts = [[0_u32; 5]; 5];
        for _ in 0..20_000 {
            let drawn = take(&[0, 1, 2, 3, 4], 2, Strategy::Random, &mut random);
            counts[usize::try_from(drawn[0]).unwrap()][usize::try_from(drawn[1]).unwrap()] += 1;
        }
        // 20 ordered pairs: 1,000 of each, with a deviation of 31
        for (i, row) in counts.iter().enumerate() {
            for (j, &count) in row.iter().enumerate() {
                assert!(if i == j { count == 0 } else { (850..1150).contains(&count) }, "{counts:?}");
            }
        }
    }
}
