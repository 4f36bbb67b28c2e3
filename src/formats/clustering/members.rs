//! Clusters from labels, and their members by distance.

use crate::formats::pickle::Clusters;

/// The members of `k` clusters by the label of each point, ascending within a cluster.
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
        members[position(*place)] = point;
        *place += 1;
    }
    Clusters::from_parts(offsets, members)
}

/// The same clusters with the members that are closest to the centroid first. `squared` holds the distance of each point to its
/// own centroid, squared or not; equally far ones keep their order.
///
/// # Panics
/// For a member without a distance.
#[must_use]
pub fn sort_by_distance(clusters: Clusters, squared: &[f64]) -> Clusters {
    let (offsets, mut members) = clusters.into_parts();
    for ends in offsets.windows(2) {
        let cluster = &mut members[position(ends[0])..position(ends[1])];
        cluster.sort_by(|&a, &b| squared[position(a)].total_cmp(&squared[position(b)]));
    }
    Clusters::from_parts(offsets, members)
}

#[expect(clippy::cast_possible_truncation, reason = "places in slices, so they fit a usize")]
fn position(offset: u64) -> usize {
    offset as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_ascend_and_then_go_by_distance_with_ties_in_order() {
        let clusters = group(&[2, 0, 2, 2, 0, 2], 4);
        assert_eq!(clusters.iter().collect::<Vec<_>>(), [&[1, 4][..], &[], &[0, 2, 3, 5], &[]]);
        let sorted = sort_by_distance(clusters, &[3.0, 2.0, 0.5, 3.0, 1.0, 0.0]);
        assert_eq!(sorted.iter().collect::<Vec<_>>(), [&[4, 1][..], &[], &[5, 2, 0, 3], &[]]);
        assert_eq!(group(&[], 2).offsets(), [0, 0, 0]);
    }
}
