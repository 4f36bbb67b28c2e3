//! The record of one k-means.

use serde::{Deserialize, Serialize};

use super::Init;
use super::communicator::Exchanged;
use crate::backend::Traffic;

/// One k-means of a level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KmeansStep {
    /// Number of the level, from 1.
    pub level: u32,
    /// Number of the step, from 0.
    pub step: u32,
    /// Number of points of the level.
    pub points: u64,
    /// Number of points to which the centroids were fitted: all, or the sample.
    pub fitted: u64,
    /// How the first centroids were chosen; missing in records of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<Init>,
    /// Why, if `auto` decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init_reason: Option<String>,
    /// Number of clusters.
    pub clusters: u64,
    /// Number of clusters without points.
    pub empty_clusters: u64,
    /// Number of distinct fitted points if it is below the number of clusters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distinct_points: Option<u64>,
    /// Per iteration: mean squared distance of the fitted points to the centroids at its start.
    pub objectives: Vec<f64>,
    /// Per iteration: number of points that changed their cluster.
    pub moved: Vec<u64>,
    /// Per iteration: number of points for which bounds did not rule out another cluster, so that all centroids were
    /// searched; empty in records of earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub searched: Vec<u64>,
    /// Whether the iterations ended early, because no point moved or by the tolerance.
    pub converged: bool,
    /// Mean squared distance of all points of the level to the nearest stored centroid.
    pub mean_squared_distance: f64,
    /// Work and data that rank 0's device was given for this step; missing for the CPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counters: Option<Traffic>,
    /// Bytes that rank 0 exchanged with the other processes for this step; missing if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchanged: Option<Exchanged>,
    /// Seconds of k-means++, of the iterations, and of assigning all points.
    pub seconds: [f64; 3],
}
