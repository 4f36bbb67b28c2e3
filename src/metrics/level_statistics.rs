//! What is known of a level once all passes are done: numbers only, and all that the metrics see.
//!
//! The main loop fills them; what was not asked for is `None`, and the metrics that need it have no figure then.

use std::sync::Arc;

use crate::engine::partials::Sums;
use crate::metrics::agreement::Contingency;

/// One level. All vectors are over its clusters, the empty ones included.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LevelStatistics {
    /// 1-based number of the level.
    pub number: u32,
    /// Sums over each cluster's points: own distances and, where `searched`, what the search for other centroids found.
    pub clusters: Vec<Sums>,
    /// Whether the nearest centroids were searched.
    pub searched: bool,
    /// Neighbours among the stored centroids, with the mean distance to them as spread.
    pub neighbours: Option<Vec<Neighbours>>,
    /// What the true means tell.
    pub means: Option<MeanStatistics>,
    /// Neighbours among the means, with the mean distance to the mean as spread.
    pub mean_neighbours: Option<Vec<Neighbours>>,
    /// Exact silhouettes.
    pub silhouette: Option<Silhouettes>,
    /// What the labels of the user say.
    pub labels: Option<LabelStatistics>,
    /// The level above; `None` where it is not evaluated or not there.
    pub parents: Option<Parents>,
}

/// A centroid among the others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbours {
    /// The non-empty cluster whose centroid is nearest; `None` where there is no other, and for empty clusters.
    pub nearest: Option<u64>,
    /// Distance to it; NaN where there is none.
    pub distance: f64,
    /// Largest `(s_i + s_j) / ||m_i - m_j||` (Davies and Bouldin 1979) over the others that do not coincide with it; 0 where
    /// there is none, NaN for empty clusters.
    pub worst_ratio: f64,
}

impl Neighbours {
    /// Of an empty cluster.
    pub const NONE: Neighbours = Neighbours { nearest: None, distance: f64::NAN, worst_ratio: f64::NAN };
}

/// What the true means of the clusters tell.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MeanStatistics {
    /// Sums over each cluster's points of distances to its mean `mu_c`.
    pub around_mean: Vec<Sums>,
    /// `||mu_c - mean||^2`, with the mean of all points; NaN for empty clusters.
    pub from_centre: Vec<f64>,
    /// `||mu_c - m_p||^2` with the stored centroid of the parent; empty where the level above is not evaluated.
    pub from_parent: Vec<f64>,
}

impl MeanStatistics {
    /// Dispersion within clusters: sum over all points of `||x - mu_c||^2`.
    pub fn within(&self) -> f64 {
        self.around_mean.iter().map(|sums| sums.inertia).sum()
    }

    /// Dispersion between clusters: sum over clusters of `n_c ||mu_c - mean||^2`.
    pub fn between(&self) -> f64 {
        let full = self.around_mean.iter().zip(&self.from_centre).filter(|(sums, _)| sums.size > 0);
        full.map(|(sums, from_centre)| crate::base::numeric::as_real(sums.size) * from_centre).sum()
    }
}

/// Exact silhouettes (Rousseeuw 1987) of all points, or of a sample against all points.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Silhouettes {
    /// Sum over the cluster's points that were taken.
    pub sums: Vec<f64>,
    /// How many were taken.
    pub counts: Vec<u64>,
    /// Standard error of the mean over all points, where they are a sample.
    pub standard_error: Option<f64>,
}

/// The clusters beside the labels that the user gave the points.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LabelStatistics {
    /// A row per cluster, a column per label.
    pub table: Contingency,
    /// The labels themselves, by their columns.
    pub names: Names,
}

/// Labels as they were written.
#[derive(Debug, Clone, PartialEq)]
pub enum Names {
    /// All are whole numbers.
    Whole(Arc<[u64]>),
    /// Some are not.
    Text(Arc<[String]>),
}

impl Default for Names {
    fn default() -> Self {
        Names::Whole(Arc::default())
    }
}

/// The level above.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parents {
    /// Parent of each cluster.
    pub of: Vec<u32>,
    /// The sums of the level above.
    pub clusters: Vec<Sums>,
}

impl LevelStatistics {
    /// Only the sums of own distances.
    pub fn of_sums(number: u32, clusters: Vec<Sums>) -> Self {
        LevelStatistics { number, clusters, ..LevelStatistics::default() }
    }

    /// One empty cluster of which everything is known: to ask a metric what it is about.
    pub fn blank() -> Self {
        LevelStatistics {
            searched: true,
            neighbours: Some(vec![Neighbours::NONE]),
            means: Some(MeanStatistics {
                around_mean: vec![Sums::IDENTITY],
                from_centre: vec![f64::NAN],
                from_parent: vec![f64::NAN],
            }),
            mean_neighbours: Some(vec![Neighbours::NONE]),
            silhouette: Some(Silhouettes { sums: vec![0.0], counts: vec![0], standard_error: Some(f64::NAN) }),
            labels: Some(LabelStatistics { table: Contingency::of_groups(0, [[]]), names: Names::default() }),
            parents: Some(Parents { of: vec![0], clusters: vec![Sums::IDENTITY] }),
            ..LevelStatistics::of_sums(1, vec![Sums::IDENTITY])
        }
    }

    /// Points that have a label: n.
    pub fn points(&self) -> u64 {
        self.clusters.iter().map(|c| c.size).sum()
    }

    /// Sizes of the non-empty clusters.
    pub fn sizes(&self) -> impl Iterator<Item = u64> {
        self.clusters.iter().map(|c| c.size).filter(|&size| size > 0)
    }

    /// Number of non-empty clusters: K.
    pub fn occupied(&self) -> u64 {
        self.sizes().count() as u64
    }

    /// Sum of the clusters' inertia.
    pub fn inertia(&self) -> f64 {
        self.clusters.iter().map(|c| c.inertia).sum()
    }
}
