//! Clusters from labels, and their members by distance.

use crate::base::numeric::to_usize;
use crate::formats::pickle::Clusters;

/// Groups points by label into `k` clusters. Members ascend within a cluster.
///
/// # Panics
/// For a label of `k` or more.
#[must_use]
pub fn group(labels: &[u32], k: usize) -> Clusters {
    let mut offsets = vec![0_u64; k + 1];
    for &label in labels {
        offsets[label as usize + 1] += 1;
    }
    for cluster in 0..k {
        offsets[cluster + 1] += offsets[cluster];
    }
    let mut next = offsets.clone();
    let mut members = vec![0; labels.len()];
    for (point, &label) in (0_u64..).zip(labels) {
        let place = &mut next[label as usize];
        members[to_usize(*place)] = point;
        *place += 1;
    }
    Clusters::from_parts(offsets, members)
}

/// Sorts the members of each cluster, closest to the centroid first. `squared` holds the distance of each point to its own
/// centroid, squared or not. Members at equal distance keep their order.
///
/// # Panics
/// For a member without a distance.
#[must_use]
pub fn sort_by_distance(clusters: Clusters, squared: &[f64]) -> Clusters {
    let (offsets, mut members) = clusters.into_parts();
    for ends in offsets.windows(2) {
        let cluster = &mut members[to_usize(ends[0])..to_usize(ends[1])];
        cluster.sort_by(|&a, &b| squared[to_usize(a)].total_cmp(&squared[to_usize(b)]));
    }
    Clusters::from_parts(offsets, members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_ascend_and_are_then_sorted_by_distance_with_ties_in_order() {
        let clusters = group(&[2, 0, 2, 2, 0, 2], 4);
        assert_eq!(clusters.iter().collect::<Vec<_>>(), [&[1, 4][..], &[], &[0, 2, 3, 5], &[]]);
        let sorted = sort_by_distance(clusters, &[3.0, 2.0, 0.5, 3.0, 1.0, 0.0]);
        assert_eq!(sorted.iter().collect::<Vec<_>>(), [&[4, 1][..], &[], &[5, 2, 0, 3], &[]]);
        assert_eq!(group(&[], 2).offsets(), [0, 0, 0]);
    }
}
