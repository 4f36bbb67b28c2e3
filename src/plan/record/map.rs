//! Where clusters and points lie on a plane.

use serde::{Deserialize, Serialize};

/// One plane for all levels: the first two principal components of the lowest level's stored centroids, each weighted by
/// its points. A cluster's place can so be compared across levels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlaneMap {
    /// Share of the variance between those centroids along x and y, from 0 to 1.
    pub explained: [f64; 2],
    /// Stored centroids of each level, in the order of the record's levels.
    pub levels: Vec<Places>,
    /// A seeded choice of points.
    pub points: SampledPoints,
    /// The same by who is near whom; none where that was not asked for, or there is too little to place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tsne: Option<NeighbourMap>,
}

/// Places by t-SNE: vectors that are near each other stay so; other distances, and the size of a group, mean nothing.
///
/// Centroids of the lowest level and points are placed together. A cluster of a level above lies at the mean of its clusters
/// of the lowest level, weighted by their points, so that the map is the same for all levels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NeighbourMap {
    /// How many neighbours of a vector count, about.
    pub perplexity: f64,
    /// Clusters of each level, in the order of the record's levels: all that have a place, which of a large lowest level is a
    /// seeded choice.
    pub levels: Vec<Places>,
    /// Some of the points of the plane.
    pub points: SampledPoints,
}

/// Places of non-empty clusters, in columns.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Places {
    /// Which clusters, ascending: all of them, or a seeded choice where they are very many.
    pub clusters: Vec<u64>,
    /// In the embedding's unit on the plane; without one by t-SNE.
    pub x: Vec<f32>,
    /// As `x`.
    pub y: Vec<f32>,
}

/// Places of points, in columns.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SampledPoints {
    /// Which rows, ascending.
    pub rows: Vec<u64>,
    /// In the embedding's unit on the plane; without one by t-SNE.
    pub x: Vec<f32>,
    /// As `x`.
    pub y: Vec<f32>,
    /// Their clusters on each of the record's levels.
    pub labels: Vec<Vec<u32>>,
}
