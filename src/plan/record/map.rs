//! Positions of clusters and points on a plane.

use serde::{Deserialize, Serialize};

/// PCA map, with one plane for all levels so that positions are comparable across levels: the first two principal components
/// of the lowest level's stored centroids, weighted by cluster size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlaneMap {
    /// Share of the variance of these centroids along x and y, from 0 to 1.
    pub explained: [f64; 2],
    /// Positions of the stored centroids of each level, in the order of the record's levels.
    pub levels: Vec<Places>,
    /// Positions of a seeded sample of points.
    pub points: SampledPoints,
    /// The t-SNE map; `None` if it was not requested, or if there are too few vectors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tsne: Option<NeighbourMap>,
}

/// t-SNE map: neighbouring vectors stay neighbours; other distances, and the extent of a group, carry no meaning.
///
/// Centroids of the lowest level and points are embedded together. A cluster of a higher level is placed at the mean of its
/// lowest-level clusters, weighted by size, so that all levels share one map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NeighbourMap {
    /// t-SNE perplexity: the effective number of neighbours of a vector.
    pub perplexity: f64,
    /// Positions of the clusters of each level, in the order of the record's levels. If the lowest level is large, only a
    /// seeded sample of its clusters, and their ancestors, have a position.
    pub levels: Vec<Places>,
    /// Positions of some of the points of the PCA map.
    pub points: SampledPoints,
}

/// Positions of non-empty clusters, in columns.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Places {
    /// Indices of the clusters, ascending: all of them, or a seeded sample if there are very many.
    pub clusters: Vec<u64>,
    /// x coordinate. For PCA in the unit of the embeddings, or in a power of two of it if rows were divided (extreme values);
    /// for t-SNE without unit.
    pub x: Vec<f32>,
    /// y coordinate, like `x`.
    pub y: Vec<f32>,
}

/// Positions of points, in columns.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SampledPoints {
    /// Row numbers, ascending.
    pub rows: Vec<u64>,
    /// x coordinate. For PCA in the unit of the embeddings, or in a power of two of it if rows were divided (extreme values);
    /// for t-SNE without unit.
    pub x: Vec<f32>,
    /// y coordinate, like `x`.
    pub y: Vec<f32>,
    /// Clusters of the points, one array for each of the record's levels.
    pub labels: Vec<Vec<u32>>,
    /// Distance of each point to the centroid of its cluster, one array for each of the record's levels; empty if the run kept
    /// no distances. `None` beyond the range of float32.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub distances: Vec<Vec<Option<f32>>>,
    /// What `--labels` says of each point, `None` for no label; empty without `--labels`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given_labels: Vec<Option<String>>,
}
