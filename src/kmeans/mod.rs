//! k-means on the same kernels that compute the metrics: from embeddings to a hierarchy.
//!
//! Lloyd's iterations (1982) after a k-means++ start (Arthur and Vassilvitskii 2007), level by level, with the resampling of
//! Vo et al. (2024, arXiv 2405.15613). Each iteration reads the points tile by tile, so they need not fit into memory.
//! Between iterations, a point keeps a label and two bounds, and a cluster keeps the sum of its points.
//!
//! | module | content |
//! |---|---|
//! | [`communicator`] | processes that share the points of one k-means |
//! | `build`, `levels`, `steps`, `resample`, `split` | the hierarchy: its levels, their k-means steps, and what each step clusters |
//! | `random`, `words`, `stage_times` | streams of random numbers; messages between processes; times |
//! | `fit`, `state`, `checkpoint` | one k-means; its state, in memory and in files |
//! | `pass`, `tile` | passes over the points |
//! | `shares`, `centre`, `nonfinite` | each process's points; the estimated middle; points that are refused |
//! | `start`, `initial`, `plus_plus`, `merge` | initial centroids: which way, drawn, by D^2, and merged from more |
//! | `search`, `bounds` | one iteration, and the points that it can skip |
//! | `spherical` | centroids of norm 1 |
//! | `sums`, `recount` | means, and the gain of moving centroids there; sums measured anew |
//! | `rounding`, `foreseen` | centroids that the stored type can't hold, found after the fit or before it |
//! | `assign` | the nearest centroid of every point |
//! | [`sampling`] | balanced samples from a finished hierarchy |

mod assign;
mod bounds;
mod build;
mod centre;
mod checkpoint;
pub mod communicator;
mod distinct;
mod errors;
mod fit;
mod foreseen;
mod initial;
mod levels;
mod merge;
mod nonfinite;
mod pass;
mod plus_plus;
mod random;
pub mod record;
mod recount;
mod resample;
mod rounding;
pub mod sampling;
mod search;
mod shares;
mod spherical;
mod split;
mod stage_times;
mod start;
mod state;
mod steps;
mod sums;
#[cfg(test)]
mod tests;
mod tile;
mod words;

use std::path::PathBuf;
use std::time::Duration;

use ndarray::Array2;

use crate::backend::Backend;
use crate::engine::points::Points;
use crate::engine::progress::Progress;
pub use assign::assign;
pub use build::{Build, Level, still_there};
pub use communicator::{Communicator, Exchanged, Rendezvous, SingleProcess, TcpCommunicator};
#[cfg(feature = "mpi")]
pub use communicator::{MpiCommunicator, World};
pub use start::{Start, choose as choose_start, sampled_positions};

/// How the initial centroids are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Init {
    /// As kmeans-plus-plus, or as sampled where that would take over 1e14 operations.
    #[default]
    Auto,
    /// Draw twice as many as wanted by D^2 (Arthur and Vassilvitskii 2007), and merge them by Ward's criterion.
    KmeansPlusPlus,
    /// As kmeans-plus-plus, on a random sample of 64 points per cluster.
    Sampled,
    /// Draw ten times as many as wanted by D^2 in five rounds (k-means||, Bahmani et al. 2012), and merge them: few passes.
    KmeansParallel,
    /// Draw points uniformly, without replacement.
    Random,
}

impl Init {
    /// The name on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Init::Auto => "auto",
            Init::KmeansPlusPlus => "kmeans-plus-plus",
            Init::Sampled => "sampled",
            Init::KmeansParallel => "kmeans-parallel",
            Init::Random => "random",
        }
    }
}

/// Settings of one k-means.
pub struct Fit<'a> {
    /// Points of this process, `[n, d]`.
    pub points: &'a dyn Points,
    /// The device.
    pub backend: &'a dyn Backend,
    /// Number of clusters, k.
    pub clusters: usize,
    /// Maximum Lloyd iterations.
    pub iterations: u32,
    /// The iterations end when one lowers the objective by less than this relative amount; 0 for never, as upstream.
    pub tolerance: f64,
    /// Whether centroids are moved to norm 1 after each update. The points must have norm 1.
    pub spherical: bool,
    /// How the initial centroids are chosen.
    pub init: Init,
    /// Number of starts. The one with the lowest objective is kept.
    pub inits: u32,
    /// Seed of every random choice.
    pub seed: u64,
    /// The processes that share the points.
    pub communicator: &'a dyn Communicator,
    /// Receives progress, and can cancel the run.
    pub watch: &'a dyn Progress,
    /// Where checkpoints are stored; `None` for no checkpoints.
    pub checkpoint: Option<Checkpoint>,
}

/// Where and when checkpoints are stored.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// The file. The caller of the k-means removes it once the result is stored.
    pub path: PathBuf,
    /// Minimum time between checkpoints; zero for one after every iteration.
    pub every: Duration,
    /// Fingerprint of settings and inputs. A checkpoint with another one is refused.
    pub identity: String,
}

/// Result of a k-means.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// `[k, d]`. As upstream, an empty cluster keeps its last centroid.
    pub centroids: Array2<f64>,
    /// Per iteration of the start that was kept: sum of squared distances to the nearest centroids at its beginning. The
    /// first entry is the objective of the initial centroids.
    pub objectives: Vec<f64>,
    /// Per iteration of the start that was kept: points that changed their cluster (in the first, all).
    pub moved: Vec<u64>,
    /// Per iteration of the start that was kept: points that were compared with the centroids. Bounds exclude the others.
    pub searched: Vec<u64>,
    /// Number of clusters without points in the last iteration.
    pub empty: u64,
    /// Number of distinct points if it is below the number of clusters; else `None`.
    pub distinct: Option<u64>,
    /// Whether the iterations ended early: by the tolerance, or because no point moved.
    pub converged: bool,
}

/// The nearest centroid of every point.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Assigned {
    /// Cluster of each point, `[n]`; ties go to the lower index.
    pub labels: Vec<u32>,
    /// Squared distance to its centroid, `[n]`.
    pub squared: Vec<f64>,
}
