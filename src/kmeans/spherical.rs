//! Centroids of norm 1: spherical k-means (Dhillon and Modha, "Concept decompositions for large sparse text data using
//! clustering", Machine Learning 42, 2001).
//!
//! Points of norm 1 have the least sum of squared distances to the centroid of norm 1 in the direction of their mean. The sum
//! is 2 (n - sum of cosines), so iterations maximise the sum of cosines.

use ndarray::{Array2, ArrayView1, ArrayViewMut1};

/// Mean vectors shorter than this are nothing but rounding, and have no direction.
const SHORTEST: f64 = 1e-9;

/// Moves the mean of every cluster that has points to norm 1. A mean without direction is replaced by the cluster's centroid
/// of `before`: any direction is as good. Returns the norms of the means; 0 for those without direction.
pub(super) fn project(means: &mut Array2<f64>, before: &Array2<f64>, counts: &[u64]) -> Vec<f64> {
    let rows = means.outer_iter_mut().zip(before.outer_iter()).zip(counts);
    // an empty cluster keeps its centroid, to the last bit
    let project = |((mut mean, before), &count): ((ArrayViewMut1<'_, f64>, ArrayView1<'_, f64>), &u64)| {
        if count == 0 {
            return 0.0;
        }
        normalize(&mut mean).unwrap_or_else(|| {
            mean.assign(&before);
            0.0
        })
    };
    rows.map(project).collect()
}

/// Moves initial centroids to norm 1. One without direction is replaced by the one of `seeds` in its place; these are the points
/// from which the centroids were made.
pub(super) fn start(mut centroids: Array2<f64>, seeds: &Array2<f64>) -> Array2<f64> {
    for (place, mut centroid) in centroids.outer_iter_mut().enumerate() {
        if normalize(&mut centroid).is_none() {
            centroid.assign(&seeds.row(place));
            normalize(&mut centroid);
        }
    }
    centroids
}

/// Divides a vector by its norm, which it returns; `None` if it has no direction, and stays.
fn normalize(vector: &mut ArrayViewMut1<'_, f64>) -> Option<f64> {
    let norm = vector.dot(vector).sqrt();
    if norm < SHORTEST {
        return None;
    }
    vector.mapv_inplace(|value| value / norm);
    Some(norm)
}

#[cfg(test)]
mod against_faiss;

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn means_move_to_norm_1_and_those_without_direction_stay() {
        let before = array![[1.0, 0.0], [0.0, 1.0], [0.28, 0.96], [0.6, 0.8]];
        let mut means = array![[0.3, 0.4], [1e-17, 0.0], [0.28, 0.96], [0.0, 0.5]];
        let norms = project(&mut means, &before, &[3, 2, 0, 1]);
        assert_eq!(norms, [0.5, 0.0, 0.0, 0.5]);
        assert_eq!(means, array![[0.6, 0.8], [0.0, 1.0], [0.28, 0.96], [0.0, 1.0]]);
        let seeds = array![[0.0, 2.0], [1.0, 0.0], [1.0, 0.0]];
        assert_eq!(start(array![[0.0, 0.0], [3.0, 4.0]], &seeds), array![[0.0, 1.0], [0.6, 0.8]]);
    }
}
