//! Level statistics: everything the metrics need, once all passes are done.
//!
//! The main loop fills them. Parts that were not requested are `None`; the metrics that need them are then left out.

use std::sync::Arc;

use crate::base::scale::Scale;
use crate::engine::partials::Sums;
use crate::metrics::agreement::Contingency;

/// Statistics of one level. All vectors have one entry per cluster, empty clusters included.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LevelStatistics {
    /// 1-based number of the level.
    pub number: u32,
    /// The scale by which rows and centroids were divided. All distances here are between divided rows and centroids.
    pub scale: Scale,
    /// Sums over the points of each cluster: distances to the own centroid and, if `searched`, the results of the top-2
    /// search.
    pub clusters: Vec<Sums>,
    /// Whether the top-2 search was run.
    pub searched: bool,
    /// Neighbours among the stored centroids; the spread is the mean distance to the own centroid.
    pub neighbours: Option<Vec<Neighbours>>,
    /// Statistics around the true cluster means.
    pub means: Option<MeanStatistics>,
    /// Neighbours among the means; the spread is the mean distance to the mean.
    pub mean_neighbours: Option<Vec<Neighbours>>,
    /// Exact silhouettes.
    pub silhouette: Option<Silhouettes>,
    /// Sum of the cosine silhouettes of each cluster's points.
    pub cosine: Option<Vec<f64>>,
    /// Counts of the user's labels per cluster.
    pub labels: Option<LabelStatistics>,
    /// The level above; `None` if there is none or it is not evaluated.
    pub parents: Option<Parents>,
}

/// One centroid compared with all others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbours {
    /// The non-empty cluster with the nearest centroid; `None` if there is no other, and for empty clusters.
    pub nearest: Option<u64>,
    /// Distance to it; NaN if `nearest` is `None`.
    pub distance: f64,
    /// Largest `(s_i + s_j) / ||m_i - m_j||` (Davies and Bouldin 1979) over the others that do not coincide with it; 0 if
    /// there are none, NaN for empty clusters.
    pub worst_ratio: f64,
}

impl Neighbours {
    /// The entry of an empty cluster.
    pub const NONE: Neighbours = Neighbours { nearest: None, distance: f64::NAN, worst_ratio: f64::NAN };
}

/// Statistics around the true cluster means.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MeanStatistics {
    /// Sums over the points of each cluster of their distances to its mean `mu_c`.
    pub around_mean: Vec<Sums>,
    /// `||mu_c - mean||^2`, where `mean` is over all points; NaN for empty clusters.
    pub from_centre: Vec<f64>,
    /// `||mu_c - m_p||^2`, where `m_p` is the stored centroid of the parent; empty if the level above is not evaluated.
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

/// Exact silhouettes (Rousseeuw 1987) of all points, or of a sample compared with all points.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Silhouettes {
    /// Sum of the silhouettes of the cluster's sampled points.
    pub sums: Vec<f64>,
    /// Number of sampled points.
    pub counts: Vec<u64>,
    /// Standard error of the mean over all points; `None` if it is exact.
    pub standard_error: Option<f64>,
}

/// Clusters against the labels that the user gave the points.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LabelStatistics {
    /// One row per cluster, one column per label.
    pub table: Contingency,
    /// The label of each column.
    pub names: Names,
}

/// Labels as written in the file.
#[derive(Debug, Clone, PartialEq)]
pub enum Names {
    /// All labels are non-negative integers.
    Whole(Arc<[u64]>),
    /// At least one label is something else.
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
    /// Statistics with nothing but sums of own distances.
    pub fn of_sums(number: u32, clusters: Vec<Sums>) -> Self {
        LevelStatistics { number, clusters, ..LevelStatistics::default() }
    }

    /// One empty cluster with all statistics present; used to find out what a metric provides.
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
            cosine: Some(vec![0.0]),
            labels: Some(LabelStatistics { table: Contingency::of_groups(0, [[]]), names: Names::default() }),
            parents: Some(Parents { of: vec![0], clusters: vec![Sums::IDENTITY] }),
            ..LevelStatistics::of_sums(1, vec![Sums::IDENTITY])
        }
    }

    /// Number of points assigned to a cluster: n.
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
