//! The members that stand for the clusters of a level, found for all clusters in one pass over the rows.
//!
//! A row that is not among those kept costs one comparison, so the time depends on the number of rows and not on that of
//! clusters, and memory on the number of rows kept.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64;

use crate::base::error::Result;
use crate::base::matrix::UNLABELLED;
use crate::base::numeric::to_usize;
use crate::formats::distances::DistanceFile;
use crate::formats::hierarchy::Hierarchy;

/// Rows whose labels are held at a time.
const TILE: u64 = 1 << 16;

/// A cluster, and how many of its members are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) cluster: u64,
    /// Closest to the centroid, or at random.
    pub(super) rows: usize,
    /// Farthest from the centroid.
    pub(super) farthest: usize,
}

/// The members of one cluster.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Members {
    /// Closest first, or a random sample in the order of the rows.
    pub(super) rows: Vec<u64>,
    /// Farthest first, without those in `rows`.
    pub(super) farthest: Vec<u64>,
}

/// How the rows of a level are chosen.
#[derive(Clone, Copy)]
pub(super) struct Pass<'a> {
    pub(super) hierarchy: &'a Hierarchy,
    /// Index of the level in the hierarchy.
    pub(super) level: usize,
    /// Number of rows of the embeddings.
    pub(super) rows: u64,
    /// Distances to the own centroid; without them, members are chosen at random.
    pub(super) distances: Option<&'a DistanceFile>,
    /// The seed of a random choice; `None` to choose the closest.
    pub(super) random: Option<u64>,
}

impl Pass<'_> {
    /// The members of each of these clusters, in this order. `go_on` is called now and then; its error ends the pass.
    pub(super) fn members(&self, wanted: &[Wanted], go_on: &dyn Fn() -> Result<()>) -> Result<Vec<Members>> {
        let none = u32::MAX;
        let mut slots = vec![none; self.hierarchy.k(self.level)];
        for (slot, wanted) in (0..).zip(wanted) {
            slots[to_usize(wanted.cluster)] = slot;
        }
        let mut kept: Vec<Kept> = wanted.iter().map(|&wanted| Kept::new(wanted)).collect();
        let mut labels = Vec::new();
        let mut first = 0;
        while first < self.rows {
            go_on()?;
            labels.resize(to_usize(TILE.min(self.rows - first)), UNLABELLED);
            self.hierarchy.label_rows(self.level, first, &mut labels);
            for (row, &label) in (first..).zip(&labels) {
                let slot = slots.get(label as usize).copied().unwrap_or(none);
                if let Some(kept) = kept.get_mut(slot as usize) {
                    self.offer(kept, row);
                }
            }
            first += labels.len() as u64;
        }
        Ok(kept.into_iter().map(Kept::members).collect())
    }

    fn offer(&self, kept: &mut Kept, row: u64) {
        let distance = self.distances.map(|file| file.get(row).unwrap_or(f32::NAN));
        // rows that entered no metric
        if distance.is_some_and(f32::is_nan) {
            return;
        }
        // the bits of floats that are not negative are in their order; -0 becomes 0
        let bits = distance.map(|distance| (distance + 0.0).to_bits());
        let order = match (self.random, bits) {
            (None, Some(bits)) => u64::from(bits),
            (seed, _) => Pcg64::seed_from_u64(seed.unwrap_or(0) ^ row).random(),
        };
        kept.offer(order, bits, row);
    }
}

/// The members of a cluster that are kept so far.
struct Kept {
    wanted: Wanted,
    /// With the last of them on top.
    rows: BinaryHeap<(u64, u64)>,
    farthest: BinaryHeap<Reverse<(u32, u64)>>,
    /// What a row has to stay below, and reach, to be kept.
    below: Option<u64>,
    reach: u32,
}

impl Kept {
    fn new(wanted: Wanted) -> Kept {
        Kept { wanted, rows: BinaryHeap::new(), farthest: BinaryHeap::new(), below: None, reach: 0 }
    }

    /// Offers a row; rows come in ascending order. Of equals, the lower rows are the closer ones.
    fn offer(&mut self, order: u64, distance: Option<u32>, row: u64) {
        if self.below.is_none_or(|below| order < below) && self.wanted.rows > 0 {
            self.rows.push((order, row));
            if self.rows.len() > self.wanted.rows {
                self.rows.pop();
            }
            if self.rows.len() == self.wanted.rows {
                self.below = self.rows.peek().map(|&(order, _)| order);
            }
        }
        let Some(distance) = distance.filter(|&distance| distance >= self.reach) else { return };
        if self.wanted.farthest == 0 {
            return;
        }
        self.farthest.push(Reverse((distance, row)));
        if self.farthest.len() > self.wanted.farthest {
            self.farthest.pop();
        }
        if self.farthest.len() == self.wanted.farthest {
            self.reach = self.farthest.peek().map_or(0, |&Reverse((distance, _))| distance);
        }
    }

    fn members(self) -> Members {
        let rows: Vec<u64> = self.rows.into_sorted_vec().into_iter().map(|(_, row)| row).collect();
        let shown: BTreeSet<u64> = rows.iter().copied().collect();
        let farthest = self.farthest.into_sorted_vec().into_iter().map(|Reverse((_, row))| row);
        Members { farthest: farthest.filter(|row| !shown.contains(row)).collect(), rows }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(distances: &[f32], rows: usize, farthest: usize) -> Members {
        let mut kept = Kept::new(Wanted { cluster: 0, rows, farthest });
        for (row, distance) in (0..).zip(distances) {
            kept.offer(u64::from(distance.to_bits()), Some(distance.to_bits()), row);
        }
        kept.members()
    }

    #[test]
    fn the_closest_and_the_farthest_are_found_in_order() {
        let distances = [5.0, 1.0, 3.0, 1.0, 9.0, 0.5, 4.0, f32::INFINITY];
        assert_eq!(kept(&distances, 3, 2), Members { rows: vec![5, 1, 3], farthest: vec![7, 4] });
        assert_eq!(kept(&distances, 1, 0), Members { rows: vec![5], farthest: vec![] });
    }

    #[test]
    fn no_member_is_shown_twice_and_none_is_lost() {
        // equal distances too: the two choices must order them in the same way
        for distances in [vec![2.0; 7], vec![3.0, 1.0, 2.0, 2.0, 2.0, 1.0, 3.0]] {
            for count in 0..=7 {
                let found = kept(&distances[..count], 4, 3);
                let mut all: Vec<u64> = found.rows.iter().chain(&found.farthest).copied().collect();
                all.sort_unstable();
                assert_eq!(all, (0..count as u64).collect::<Vec<u64>>(), "{found:?}");
            }
        }
        let many = kept(&[2.0; 100], 4, 3);
        assert_eq!((many.rows, many.farthest), (vec![0, 1, 2, 3], vec![99, 98, 97]));
    }

    #[test]
    fn without_distances_nothing_is_farthest() {
        let mut kept = Kept::new(Wanted { cluster: 0, rows: 2, farthest: 2 });
        for (row, order) in (0..).zip([7, 3, 5]) {
            kept.offer(order, None, row);
        }
        assert_eq!(kept.members(), Members { rows: vec![1, 2], farthest: vec![] });
    }
}
