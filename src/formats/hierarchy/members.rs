//! The members of all clusters of a level in one flat array, with four bytes per member if that suffices.

use std::ops::Range;

use crate::base::matrix::UNLABELLED;
use crate::base::numeric::to_usize;
use crate::formats::pickle::Clusters;

/// Number of examples in a message.
pub(super) const EXAMPLES: usize = 5;

/// Members in stored order. Those of cluster c are at `offsets[c]..offsets[c + 1]`.
#[derive(Debug)]
pub(super) struct Members {
    offsets: Vec<usize>,
    ids: Ids,
}

#[derive(Debug)]
enum Ids {
    Narrow(Vec<u32>),
    Wide(Vec<u64>),
}

/// Members found in a second cluster.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    pub(super) count: u64,
    /// The first ones, as (place, earlier cluster, later cluster).
    pub(super) examples: Vec<(u64, u32, u32)>,
}

impl Members {
    /// Members must be below `bound`. A larger one is stored as a value that is not below it either.
    pub(super) fn new(clusters: Clusters, bound: u64) -> Members {
        let (offsets, ids) = clusters.into_parts();
        let ids = if bound <= u64::from(u32::MAX) {
            Ids::Narrow(ids.into_iter().map(|id| u32::try_from(id).unwrap_or(u32::MAX)).collect())
        } else {
            Ids::Wide(ids)
        };
        Members { offsets: offsets.into_iter().map(to_usize).collect(), ids }
    }

    /// The items of each of `clusters` clusters, ascending. `labels` has the cluster of every item, or [`UNLABELLED`].
    pub(super) fn of_labels(labels: &[u32], clusters: usize) -> Members {
        let mut offsets = vec![0; clusters + 1];
        labels.iter().filter(|&&label| label != UNLABELLED).for_each(|&label| offsets[label as usize + 1] += 1);
        (0..clusters).for_each(|cluster| offsets[cluster + 1] += offsets[cluster]);
        let (total, mut next) = (offsets[clusters], offsets.clone());
        let ids = if u32::try_from(labels.len()).is_ok() {
            Ids::Narrow(sorted(labels, (0..).take(labels.len()), vec![0_u32; total], &mut next))
        } else {
            Ids::Wide(sorted(labels, 0_u64.., vec![0; total], &mut next))
        };
        Members { offsets, ids }
    }

    /// The same members, with eight bytes each.
    pub(super) fn to_clusters(&self) -> Clusters {
        let total = self.offsets.last().copied().unwrap_or(0);
        let offsets = self.offsets.iter().map(|&offset| offset as u64).collect();
        Clusters::from_parts(offsets, (0..total).map(|position| self.get(position)).collect())
    }

    /// The positions of a cluster's members.
    pub(super) fn range(&self, cluster: usize) -> Range<usize> {
        self.offsets[cluster]..self.offsets[cluster + 1]
    }

    /// The member at a position.
    pub(super) fn get(&self, position: usize) -> u64 {
        match &self.ids {
            Ids::Narrow(ids) => ids[position].into(),
            Ids::Wide(ids) => ids[position],
        }
    }

    /// Writes each member's cluster to its `place` in `table`, which must be [`UNLABELLED`] at first. Members whose place is
    /// `None` are skipped. The caller has checked that cluster numbers fit 32 bits.
    pub(super) fn assign(&self, table: &mut [u32], place: impl Fn(u64) -> Option<u64>) -> Repeats {
        match &self.ids {
            Ids::Narrow(ids) => assign(&self.offsets, ids, table, place),
            Ids::Wide(ids) => assign(&self.offsets, ids, table, place),
        }
    }

    /// The sum of `weight(member)` over the members of each cluster.
    pub(super) fn sums(&self, weight: impl Fn(u64) -> u64) -> Vec<u64> {
        self.offsets
            .windows(2)
            .map(|ends| (ends[0]..ends[1]).map(|position| weight(self.get(position))).sum())
            .collect()
    }

    /// Number of members of each cluster.
    pub(super) fn lengths(&self) -> Vec<u64> {
        self.offsets.windows(2).map(|ends| (ends[1] - ends[0]) as u64).collect()
    }
}

/// Writes the items to `out`, cluster by cluster. `next` has the first place of each cluster.
fn sorted<T>(labels: &[u32], items: impl Iterator<Item = T>, mut out: Vec<T>, next: &mut [usize]) -> Vec<T> {
    for (item, &label) in items.zip(labels) {
        if label != UNLABELLED {
            let place = &mut next[label as usize];
            out[*place] = item;
            *place += 1;
        }
    }
    out
}

fn assign<T: Copy + Into<u64>>(
    offsets: &[usize],
    ids: &[T],
    table: &mut [u32],
    place: impl Fn(u64) -> Option<u64>,
) -> Repeats {
    let mut repeats = Repeats::default();
    for (cluster, ends) in (0_u32..).zip(offsets.windows(2)) {
        for &id in &ids[ends[0]..ends[1]] {
            let Some(place) = place(id.into()) else { continue };
            let Some(entry) = table.get_mut(to_usize(place)) else { continue };
            if *entry == UNLABELLED {
                *entry = cluster;
            } else {
                repeats.count += 1;
                if repeats.examples.len() < EXAMPLES {
                    repeats.examples.push((place, *entry, cluster));
                }
            }
        }
    }
    repeats
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrow_and_wide_agree() {
        let clusters = Clusters::from_parts(vec![0, 2, 2, 4], vec![3, 0, 1, u64::MAX]);
        for bound in [4, u64::MAX] {
            let members = Members::new(clusters.clone(), bound);
            assert_eq!(matches!(members.ids, Ids::Narrow(_)), bound == 4);
            assert_eq!(members.lengths(), [2, 0, 2]);
            assert_eq!(members.sums(|member| member.min(10)), [3, 0, 11]);
            assert_eq!(members.range(2).map(|position| members.get(position)).next(), Some(1));
            let mut table = [UNLABELLED; 4];
            assert_eq!(members.assign(&mut table, Some).count, 0);
            assert_eq!(table, [0, 2, UNLABELLED, 0]);
        }
    }

    #[test]
    fn labels_become_members_in_row_order() {
        let members = Members::of_labels(&[2, 0, UNLABELLED, 2, 0], 4);
        assert_eq!(members.lengths(), [2, 0, 2, 0]);
        let of = |cluster| members.range(cluster).map(|position| members.get(position)).collect::<Vec<_>>();
        assert_eq!((of(0), of(2)), (vec![1, 4], vec![0, 3]));
    }

    #[test]
    fn repeats_are_counted_with_both_clusters() {
        let clusters = Clusters::from_parts(vec![0, 2, 5], vec![1, 1, 0, 1, 2]);
        let mut table = [UNLABELLED; 3];
        let repeats = Members::new(clusters, 3).assign(&mut table, Some);
        assert_eq!((repeats.count, repeats.examples), (2, vec![(1, 0, 0), (1, 0, 1)]));
        assert_eq!(table, [1, 0, 1]);
    }
}
