//! The sample that a resampling step clusters: the same number of points from every cluster, so that dense regions do not
//! attract all centroids (Vo et al. 2024, section 3.3).

use rand::seq::index;

use super::random::path_stream;
use crate::base::numeric::to_usize;
use crate::formats::pickle::Clusters;
use crate::kmeans::sampling::Strategy;

/// Positions of the sample, ascending: `size` members of every cluster, or all members if there are fewer. `sorted` lists the
/// members of each cluster by distance to the centroid. If empty clusters leave fewer points than clusters, `size` is
/// increased. `seed` is the path of the random stream.
pub(super) fn resample(sorted: &Clusters, size: u64, strategy: Strategy, seed: &[u64]) -> Vec<u64> {
    let (clusters, points) = (sorted.len() as u64, sorted.members().len() as u64);
    let mut size = size;
    while size < points
        && sorted.iter().map(|members| size.min(members.len() as u64)).sum::<u64>() < clusters.min(points)
    {
        size += 1;
    }
    let mut sample = Vec::new();
    for (cluster, members) in (0u64..).zip(sorted.iter()) {
        let count = to_usize(size).min(members.len());
        match strategy {
            Strategy::Closest => sample.extend(&members[..count]),
            Strategy::Random => {
                let mut random = path_stream(&[seed, &[cluster]].concat());
                sample.extend(index::sample(&mut random, members.len(), count).iter().map(|at| members[at]));
            }
        }
    }
    sample.sort_unstable();
    sample
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clusters() -> Clusters {
        Clusters::from_parts(vec![0, 3, 3, 8], vec![9, 0, 4, 7, 5, 1, 2, 3])
    }

    #[test]
    fn the_closest_members_are_the_first() {
        assert_eq!(resample(&clusters(), 2, Strategy::Closest, &[1]), [0, 5, 7, 9]);
        assert_eq!(resample(&clusters(), 4, Strategy::Closest, &[1]), [0, 1, 2, 4, 5, 7, 9]);
    }

    #[test]
    fn random_members_come_from_every_cluster_and_depend_on_the_seed() {
        let drawn = |seed| resample(&clusters(), 2, Strategy::Random, &[seed]);
        let of = |sample: &[u64], members: &[u64]| sample.iter().filter(|point| members.contains(point)).count();
        let samples: Vec<_> = (0..40).map(drawn).collect();
        for sample in &samples {
            assert!(sample.is_sorted() && sample.len() == 4);
            assert_eq!((of(sample, &[9, 0, 4]), of(sample, &[7, 5, 1, 2, 3])), (2, 2));
        }
        assert_eq!(drawn(3), drawn(3));
        assert!((0..10).all(|point| point == 6 || point == 8 || samples.iter().any(|sample| sample.contains(&point))));
    }

    #[test]
    fn empty_clusters_do_not_leave_too_few_points() {
        assert_eq!(resample(&clusters(), 1, Strategy::Closest, &[1]).len(), 4);
        let one = Clusters::from_parts(vec![0, 2, 2, 2], vec![1, 0]);
        assert_eq!(resample(&one, 1, Strategy::Closest, &[1]), [0, 1]);
    }
}
