//! Shares a target out among clusters.

use rand::Rng;

use super::draw::draw;

/// Shares `target` out among clusters of these `sizes`. Each cluster can give `multiplier` times its size. Each gives the
/// same number, or all it can if that is less; the remainder is one more each from randomly drawn clusters that can give
/// more. A target above the total takes everything.
pub(super) fn share(sizes: &[u64], target: u64, multiplier: u64, random: &mut impl Rng) -> Vec<u64> {
    let mut shares: Vec<u64> = sizes.iter().map(|size| size.saturating_mul(multiplier)).collect();
    if total(&shares, u64::MAX) <= u128::from(target) {
        return shares;
    }
    let cut = cut(&shares, target);
    let above: Vec<usize> = (0..shares.len()).filter(|&cluster| shares[cluster] > cut).collect();
    let left = u128::from(target) - total(&shares, cut);
    shares.iter_mut().for_each(|share| *share = cut.min(*share));
    // fewer are left than there are clusters above the cut; otherwise the cut would be higher
    let left = usize::try_from(left).unwrap_or(usize::MAX);
    for cluster in draw(above, left, random) {
        shares[cluster] += 1;
    }
    shares
}

/// The largest cut for which clusters that give at most the cut together give at most `target`. `target` is below the total
/// of `most`.
fn cut(most: &[u64], target: u64) -> u64 {
    // the total grows with the cut; it is within the target at `low` and above it at `high`
    let (mut low, mut high) = (0, most.iter().copied().max().unwrap_or(0));
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if total(most, middle) <= u128::from(target) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// The total if each gives at most `cut`.
fn total(most: &[u64], cut: u64) -> u128 {
    most.iter().map(|&most| u128::from(most.min(cut))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_pcg::Pcg64;

    #[test]
    fn clusters_give_equal_shares_and_the_remainder_is_drawn() {
        let mut random = Pcg64::seed_from_u64(0);
        assert_eq!(share(&[5, 1, 9, 0, 3], 9, 1, &mut random).iter().sum::<u64>(), 9);
        assert_eq!(share(&[5, 1, 9, 0, 3], 10, 1, &mut random), [3, 1, 3, 0, 3]);
        assert_eq!(share(&[5, 1, 9, 0, 3], 18, 1, &mut random), [5, 1, 9, 0, 3]);
        assert_eq!(share(&[5, 1, 9, 0, 3], 0, 1, &mut random), [0; 5]);
        assert_eq!(share(&[2, 1], 5, 2, &mut random), [3, 2]);
        assert_eq!(share(&[], 0, 1, &mut random), [0; 0]);
        assert_eq!(share(&[u64::MAX, u64::MAX], u64::MAX - 1, 3, &mut random), [u64::MAX / 2; 2]);
    }

    #[test]
    fn the_remainder_is_drawn_among_clusters_that_can_give_more() {
        let mut random = Pcg64::seed_from_u64(2);
        let mut more = [0; 4];
        for _ in 0..2_000 {
            // cut 2: the remainder of two goes to the three clusters that can give more
            let shares = share(&[3, 2, 9, 4], 10, 1, &mut random);
            assert_eq!(shares.iter().sum::<u64>(), 10);
            shares.iter().zip(&mut more).for_each(|(&share, more)| *more += share - 2);
        }
        assert_eq!(more[1], 0);
        assert!([more[0], more[2], more[3]].iter().all(|count| (1_230..1_440).contains(count)), "{more:?}");
    }
}
