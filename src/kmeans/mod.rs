//! From embeddings to the hierarchy: k-means on the kernels that judge it.
//!
//! Lloyd's iterations (1982) after a k-means++ start (Arthur and Vassilvitskii 2007), level upon level and with the
//! resampling of Vo et al. (2024, arXiv 2405.15613). Points are read tile by tile in every iteration and never need to fit
//! into memory. What is known of them between iterations is a label, two bounds and the sums of their clusters.
//!
//! | module | what it knows |
//! |---|---|
//! | [`team`] | processes that share the points of one k-means |
//! | `levels`, `steps`, `resample`, `split` | the hierarchy: levels, their k-means one after the other, and what each clusters |
//! | `random`, `words`, `stages` | streams of random numbers; what members of a communicator tell each other; times |
//! | `fit`, `state`, `checkpoint` | one k-means from start to end; all that it is at any moment, and that as a file |
//! | `centre`, `broken` | nearly the mean of all points; points that are refused |
//! | `seed`, `plus_plus`, `merge` | the first centroids: drawn, by D^2, and merged from twice as many |
//! | `search`, `bounds` | an iteration, and the points that need not be searched for |
//! | `sums` | means, and what they gain |
//! | `assign` | the nearest centroid of every point |

mod assign;
mod bounds;
mod broken;
mod centre;
mod checkpoint;
pub mod communicator;
mod distinct;
mod fit;
mod levels;
mod merge;
mod plus_plus;
mod random;
pub mod record;
mod resample;
pub mod sampling;
mod search;
mod seed;
mod split;
mod stages;
mod state;
mod steps;
mod sums;
#[cfg(test)]
mod tests;
mod words;

use std::path::PathBuf;
use std::time::Duration;

use ndarray::Array2;

use crate::backend::Backend;
use crate::engine::points::Points;
use crate::engine::progress::Progress;
pub use assign::assign;
pub use communicator::{Communicator, Rendezvous, SingleProcess, TcpCommunicator};
pub use levels::{Build, Level, still_there};

/// How the first centroids are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Init {
    /// Drawn by D^2 (Arthur and Vassilvitskii 2007), twice as many as wanted, and merged by Ward's criterion.
    #[default]
    KmeansPlusPlus,
    /// Points drawn uniformly, without repetition.
    Random,
}

/// One k-means.
pub struct Fit<'a> {
    /// The points of this member of the communicator.
    pub points: &'a dyn Points,
    /// The device.
    pub backend: &'a dyn Backend,
    /// Clusters, k.
    pub clusters: usize,
    /// Lloyd iterations at most.
    pub iterations: u32,
    /// Iterations end once the objective falls by less than this share of itself in one; 0: never, as upstream.
    pub tolerance: f64,
    /// How the first centroids are chosen.
    pub init: Init,
    /// Starts; the one with the lowest objective is kept.
    pub inits: u32,
    /// Of every random choice.
    pub seed: u64,
    /// Who shares the points.
    pub communicator: &'a dyn Communicator,
    /// Who hears of progress, and may stop the run.
    pub watch: &'a dyn Progress,
    /// Where an interrupted k-means is kept; `None`: nowhere.
    pub checkpoint: Option<Checkpoint>,
}

/// Where and when an unfinished k-means is kept.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// The file; who ran the k-means discards it once the result is kept.
    pub path: PathBuf,
    /// Time between two of them at least; zero: after every iteration.
    pub every: Duration,
    /// What must be the same for a checkpoint to be taken up again; one that differs is refused.
    pub identity: String,
}

/// What a k-means found.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// `[k, d]`. An empty cluster has the centroid that it last had, as upstream.
    pub centroids: Array2<f64>,
    /// Of the start that was kept, per iteration: the sum of squared distances to the nearest of the centroids that the
    /// iteration began with. The first one is that of the start itself.
    pub objectives: Vec<f64>,
    /// Of the start that was kept, per iteration: points that changed their cluster (all, in the first).
    pub moved: Vec<u64>,
    /// Of the start that was kept, per iteration: points that were compared with the centroids; bounds spared the others.
    pub searched: Vec<u64>,
    /// Clusters without points in the last iteration.
    pub empty: u64,
    /// Distinct points, where they are fewer than the clusters; `None` where they are at least as many.
    pub distinct: Option<u64>,
    /// Whether the iterations ended before the last one: by the tolerance, or since no point moved any more.
    pub converged: bool,
}

/// The nearest centroid of every point.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Assigned {
    /// `[n]`; of equally near centroids the lower index.
    pub labels: Vec<u32>,
    /// `[n]`: squared distance to it.
    pub squared: Vec<f64>,
}
