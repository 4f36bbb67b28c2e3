//! The nearest cluster of a cluster, to be shown beside it.

use rayon::prelude::*;

use crate::base::distance::squared;
use crate::base::matrix::MatrixView;
use crate::metrics::Column;
use crate::plan::Plan;
use crate::plan::record::Level;

/// Another cluster, and the distance of its stored centroid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Nearest {
    pub(super) cluster: u64,
    pub(super) distance: f64,
}

/// For each of `clusters`, the non-empty cluster whose stored centroid is nearest; on a tie, the lower index. `None` if there is no
/// other. Taken from the metrics where they have it, and otherwise searched for these clusters alone.
pub(super) fn nearest(plan: &Plan, level_index: usize, level: &Level, clusters: &[u64]) -> Vec<Option<Nearest>> {
    let stored = &plan.hierarchy.levels[level_index];
    let centroids = stored.centroids.view();
    let search = |&cluster: &u64| {
        let from = usize::try_from(cluster).ok()?;
        if let Some(distance) = level.cluster_figure("nearest_distance", cluster) {
            return Some(Nearest { cluster: computed(level, from)?, distance });
        }
        let (squared, nearest) = search(centroids, &stored.sizes, from)?;
        let distance = plan.embeddings.scale().distance(squared.sqrt());
        Some(Nearest { cluster: nearest as u64, distance })
    };
    clusters.par_iter().map(search).collect()
}

/// The metric `nearest_cluster`, if it was computed.
fn computed(level: &Level, cluster: usize) -> Option<u64> {
    match level.clusters.get("nearest_cluster")? {
        Column::Index(nearest) => nearest.get(cluster).copied().flatten(),
        _ => None,
    }
}

/// The nearest non-empty cluster other than `from`, after its squared distance.
fn search(centroids: MatrixView<'_>, sizes: &[u64], from: usize) -> Option<(f64, usize)> {
    let (mut own, mut other) = (vec![0.0; centroids.cols()], vec![0.0; centroids.cols()]);
    centroids.copy_row(from, &mut own);
    let mut nearest: Option<(f64, usize)> = None;
    for cluster in (0..sizes.len()).filter(|&cluster| cluster != from && sizes[cluster] > 0) {
        centroids.copy_row(cluster, &mut other);
        let distance = squared(&own, &other);
        if nearest.is_none_or(|(least, _)| distance < least) {
            nearest = Some((distance, cluster));
        }
    }
    nearest
}

#[cfg(test)]
mod tests {
    use ndarray::arr2;

    use super::*;

    #[test]
    fn the_nearest_is_not_empty_and_the_lower_of_two() {
        let centroids = arr2(&[[0.0f32], [1.0], [5.0], [4.0], [6.0]]);
        let among = |sizes: &[u64], from| search(MatrixView::F32(centroids.view()), sizes, from);
        assert_eq!(among(&[3, 1, 2, 2, 2], 0), Some((1.0, 1)));
        assert_eq!(among(&[3, 0, 2, 2, 2], 0), Some((16.0, 3)), "an empty one has no images");
        assert_eq!(among(&[3, 1, 2, 2, 2], 2), Some((1.0, 3)), "a tie");
        assert_eq!(among(&[3, 0, 0, 0, 0], 0), None, "alone");
    }
}
