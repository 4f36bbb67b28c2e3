//! What is recorded of every k-means.

use serde::{Deserialize, Serialize};

/// One k-means of a level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KmeansStep {
    /// From 1 on.
    pub level: u32,
    /// From 0 on.
    pub step: u32,
    /// Points of the level.
    pub points: u64,
    /// Points that the centroids were fitted on: all, or the sample.
    pub fitted: u64,
    /// Clusters.
    pub clusters: u64,
    /// Clusters that no point is nearest to.
    pub empty_clusters: u64,
    /// Distinct points among the fitted ones, where they are fewer than the clusters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distinct_points: Option<u64>,
    /// Per iteration: the mean squared distance of the fitted points to the centroids that the iteration began with.
    pub objectives: Vec<f64>,
    /// Per iteration: points that changed their cluster.
    pub moved: Vec<u64>,
    /// Whether nothing changed any more, or too little for the tolerance.
    pub converged: bool,
    /// Mean squared distance of all points of the level to the nearest centroid as stored.
    pub mean_squared_distance: f64,
    /// Seconds of choosing the first centroids by k-means++, of the iterations, and of assigning all points.
    pub seconds: [f64; 3],
}
