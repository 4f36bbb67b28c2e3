//! Which members stand for a cluster.

use std::collections::HashSet;

use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64;

use crate::formats::distances::DistanceFile;
use crate::plan::Plan;
use crate::plan::record::Level;
use crate::plan::settings::Sample;

/// Chooses members of the clusters of one level.
pub(super) struct Chooser<'a> {
    pub(super) plan: &'a Plan,
    /// Index of the level in the hierarchy.
    pub(super) level_index: usize,
    /// Distances to the level's centroids, where members are chosen by distance.
    pub(super) distances: Option<&'a DistanceFile>,
}

impl Chooser<'_> {
    /// Rows that stand for a cluster: at most `count`, chosen from every `step`-th of its points.
    pub(super) fn choose(&self, level: &Level, cluster: u64, count: usize, step: u64) -> Vec<u64> {
        let (Ok(index), Ok(step)) = (usize::try_from(cluster), usize::try_from(step)) else { return Vec::new() };
        let rows = self.plan.hierarchy.points_of(self.level_index, index).step_by(step.max(1));
        match (self.plan.settings.sample, self.distances) {
            (Sample::Random, _) | (_, None) => reservoir(rows, count, self.seed(level, cluster)),
            (Sample::Closest | Sample::Sections, Some(file)) => extreme(rows, count, |row| distance(file, row)),
            (Sample::Farthest, Some(file)) => extreme(rows, count, |row| -distance(file, row)),
        }
    }

    /// At most `each` members closest to the centroid and at most `each` of the farthest, none of them twice: see [`ends`].
    /// `None` if no distances are known.
    pub(super) fn ends(&self, cluster: u64, each: usize) -> Option<(Vec<u64>, Vec<u64>)> {
        let file = self.distances?;
        let rows = self.plan.hierarchy.points_of(self.level_index, usize::try_from(cluster).ok()?);
        Some(ends(rows, each, |row| distance(file, row)))
    }

    /// Different for every cluster of every level.
    fn seed(&self, level: &Level, cluster: u64) -> u64 {
        self.plan.settings.seed ^ (u64::from(level.level) << 48) ^ cluster
    }

    /// How members are chosen, in words.
    pub(super) fn how(&self) -> &'static str {
        match (self.plan.settings.sample, self.distances) {
            (Sample::Random, _) | (_, None) => "a random sample",
            (Sample::Closest | Sample::Sections, Some(_)) => "closest to the centroid",
            (Sample::Farthest, Some(_)) => "farthest from the centroid",
        }
    }
}

fn distance(file: &DistanceFile, row: u64) -> f32 {
    file.get(row).unwrap_or(f32::NAN)
}

/// The `each` rows with the smallest distances, smallest first, and of the others the `each` with the largest, largest first.
/// If there are fewer than twice as many, they are halved; the first half gets an odd one. Rows whose distance is NaN are left out.
fn ends(rows: impl Iterator<Item = u64> + Clone, each: usize, distance: impl Fn(u64) -> f32) -> (Vec<u64>, Vec<u64>) {
    let known = rows.clone().filter(|&row| !distance(row).is_nan()).take(2 * each).count();
    let closest = extreme(rows.clone(), known.div_ceil(2), &distance);
    let taken: HashSet<u64> = closest.iter().copied().collect();
    let farthest = extreme(rows.filter(|row| !taken.contains(row)), known / 2, |row| -distance(row));
    (closest, farthest)
}

/// The `count` rows with the smallest keys, smallest first. Ties go to the lower row; rows whose key is NaN are left out.
fn extreme(rows: impl Iterator<Item = u64>, count: usize, key: impl Fn(u64) -> f32) -> Vec<u64> {
    if count == 0 {
        return Vec::new();
    }
    let mut kept: Vec<(f32, u64)> = Vec::new();
    let order = |a: &(f32, u64), b: &(f32, u64)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
    for row in rows {
        let key = key(row);
        if !key.is_nan() {
            kept.push((key, row));
        }
        // a cluster can hold most of the data: keep at most twice what is shown
        if kept.len() == 2 * count {
            kept.select_nth_unstable_by(count - 1, order);
            kept.truncate(count);
        }
    }
    kept.sort_unstable_by(order);
    kept.into_iter().take(count).map(|(_, row)| row).collect()
}

/// A uniform sample of `count` rows, in their order (Vitter 1985, algorithm R).
fn reservoir(rows: impl Iterator<Item = u64>, count: usize, seed: u64) -> Vec<u64> {
    let mut random = Pcg64::seed_from_u64(seed);
    let mut kept: Vec<(usize, u64)> = Vec::new();
    for (i, row) in rows.enumerate() {
        if i < count {
            kept.push((i, row));
            continue;
        }
        let j = random.random_range(0..=i);
        if j < count {
            kept[j] = (i, row);
        }
    }
    kept.sort_unstable();
    kept.into_iter().map(|(_, row)| row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_are_found_in_order_with_ties_by_row() {
        let keys = [5.0, 1.0, f32::NAN, 3.0, 1.0, 9.0, 0.5, 4.0];
        let key = |row: u64| keys[usize::try_from(row).expect("small")];
        assert_eq!(extreme(0..8, 3, key), [6, 1, 4]);
        assert_eq!(extreme(0..8, 3, |row| -key(row)), [5, 0, 7]);
        assert_eq!(extreme(0..8, 100, key).len(), 7, "NaN is never shown");
    }

    #[test]
    fn both_ends_have_no_row_in_common() {
        let of =
            |keys: &[f32], each| ends(0..keys.len() as u64, each, |row| keys[usize::try_from(row).expect("small")]);
        let keys = [5.0, 1.0, f32::NAN, 3.0, 1.0, 9.0, 0.5, 4.0];
        assert_eq!(of(&keys, 2), (vec![6, 1], vec![5, 0]));
        assert_eq!(of(&keys, 3), (vec![6, 1, 4], vec![5, 0, 7]));
        assert_eq!(of(&keys, 100), (vec![6, 1, 4, 3], vec![5, 0, 7]), "halves of seven");
        assert_eq!(of(&[2.0; 6], 2), (vec![0, 1], vec![2, 3]), "ties");
        assert_eq!(of(&[2.0; 3], 2), (vec![0, 1], vec![2]));
        assert_eq!(of(&[2.0, 1.0], 2), (vec![1], vec![0]));
        assert_eq!(of(&[2.0], 2), (vec![0], vec![]));
        assert_eq!(of(&[], 2), (vec![], vec![]));
        assert_eq!(of(&[f32::NAN, f32::NAN], 2), (vec![], vec![]));
        assert_eq!(of(&keys, 0), (vec![], vec![]));
        for size in 0..40u64 {
            for each in 1..20 {
                let key = |row: u64| ((row * 7) % 11) as f32;
                let (closest, farthest) = ends(0..size, each, key);
                let shown: HashSet<u64> = closest.iter().chain(&farthest).copied().collect();
                assert_eq!(shown.len(), closest.len() + farthest.len(), "{size} {each}: none twice");
                assert_eq!(
                    shown.len() as u64,
                    size.min(2 * each as u64),
                    "{size} {each}: as many as there is room for"
                );
                assert!(closest.iter().all(|&a| farthest.iter().all(|&b| key(a) <= key(b))), "{size} {each}");
                assert!(closest.is_sorted_by_key(|&row| key(row)) && farthest.is_sorted_by(|&a, &b| key(a) >= key(b)));
            }
        }
    }

    #[test]
    fn a_random_choice_is_seeded_distinct_and_spread() {
        let choose = |seed| reservoir(0..1000, 20, seed);
        assert_eq!(choose(1), choose(1));
        assert_ne!(choose(1), choose(2));
        let mut distinct = choose(3);
        distinct.dedup();
        assert_eq!(distinct.len(), 20);
        assert_eq!(reservoir(0..3, 20, 0), [0, 1, 2]);
        let total: u64 = (0..200).flat_map(choose).sum();
        let mean = crate::base::numeric::as_real(total) / 4000.0;
        assert!((mean - 499.5).abs() < 5.0 * 288.7 / 4000f64.sqrt(), "{mean}: not uniform");
    }
}
