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
}

/// Places of non-empty clusters, in columns.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Places {
    /// Which clusters, ascending: all of them, or a seeded choice where they are very many.
    pub clusters: Vec<u64>,
    /// In the embedding's unit.
    pub x: Vec<f32>,
    /// In the embedding's unit.
    pub y: Vec<f32>,
}

/// Places of points, in columns.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SampledPoints {
    /// Which rows, ascending.
    pub rows: Vec<u64>,
    /// In the embedding's unit.
    pub x: Vec<f32>,
    /// In the embedding's unit.
    pub y: Vec<f32>,
    /// Their clusters on each of the record's levels.
    pub labels: Vec<Vec<u32>>,
}
