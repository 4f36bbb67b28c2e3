//! Inputs of an evaluation.

use std::ops::Range;

use super::clock::Clock;
use crate::backend::{Backend, Job, Tiling};
use crate::engine::checkpoint_store::CheckpointStore;
use crate::engine::progress::Progress;
use crate::formats::embeddings::Embeddings;
use crate::formats::hierarchy::Hierarchy;
use crate::formats::labels::Labels;

/// How rows with a NaN or an infinity are handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Nonfinite {
    /// Refuse the embeddings.
    #[default]
    Refuse,
    /// Leave those rows out, and report how many there are.
    Skip,
}

/// Points for which silhouettes are computed. Each is compared with all points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampling {
    /// Every point.
    Exact,
    /// A stratified sample. The points, in hierarchy order, are cut into equal strata, and one point is drawn from each.
    /// Clusters of every level are thus sampled in proportion to their sizes.
    Sample {
        /// Sample size.
        points: u64,
        /// Seed of the draw.
        seed: u64,
    },
}

/// What to compute beyond the sums of own distances. The [`Job`] says what the first pass computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Neighbours among the stored centroids.
    pub neighbours: bool,
    /// True means, and sums of the distances to them. Requires `sums` in the job.
    pub means: bool,
    /// Neighbours among the true means. Requires `means`.
    pub mean_neighbours: bool,
    /// Silhouettes.
    pub silhouette: Option<Sampling>,
    /// Silhouettes of cosine distances. Requires `sums` in the job, and normalised embeddings.
    pub cosine: bool,
}

impl Evaluation<'_> {
    /// The evaluated levels that nest in each other, as ranges of places in `levels`.
    pub(super) fn chains(&self) -> Vec<Range<usize>> {
        self.hierarchy.chains(self.levels)
    }
}

/// Inputs of an evaluation.
pub struct Evaluation<'a> {
    /// The points, `[n, d]`.
    pub embeddings: &'a Embeddings,
    /// Labels and stored centroids.
    pub hierarchy: &'a Hierarchy,
    /// External labels of the rows.
    pub labels: Option<&'a Labels>,
    /// Indices (0-based) of the levels to evaluate, ascending.
    pub levels: &'a [usize],
    /// Rows of this process.
    pub rows: Range<u64>,
    /// The device.
    pub backend: &'a dyn Backend,
    /// What the device computes in the first pass.
    pub job: &'a Job<'a>,
    /// Tiling of the first pass.
    pub tiling: Tiling,
    /// How rows with a NaN or an infinity are handled.
    pub nonfinite: Nonfinite,
    /// What to compute beyond the first pass.
    pub wanted: Wanted,
    /// Receives progress, and can cancel the run.
    pub watch: &'a dyn Progress,
    /// Stores partial results.
    pub checkpoints: &'a dyn CheckpointStore,
    /// Times of the stages.
    pub clock: Clock,
}
