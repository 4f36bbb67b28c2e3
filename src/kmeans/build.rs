//! Settings of a hierarchy, and its finished levels on the disk.

use std::path::Path;
use std::time::Duration;

use ndarray::Array2;

use super::Init;
use super::communicator::Communicator;
use super::record::KmeansStep;
use super::sampling::Strategy;
use crate::backend::Backend;
use crate::base::error::{Error, Result};
use crate::base::matrix::Dtype;
use crate::engine::points::Points;
use crate::engine::progress::Progress;
use crate::formats::hierarchy_writer;
use crate::formats::npy::Matrix;
use crate::formats::pickle::{Clusters, read_clusters};

/// Settings of one level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// Number of clusters, before splitting.
    pub clusters: usize,
    /// Maximum Lloyd iterations of each k-means.
    pub iterations: u32,
    /// Maximum number of parts per cluster; 1 means no splitting.
    pub splits: u32,
    /// Number of k-means. Each one after the first clusters a sample.
    pub steps: u32,
    /// Points per cluster in the sample.
    pub sample_size: u64,
}

/// Builds a hierarchy.
pub struct Build<'a> {
    /// Points of the first level.
    pub points: &'a dyn Points,
    /// Positions (ascending) of the points that the first step of the first level fits its centroids to; `None` for all. All
    /// points are then assigned to these centroids.
    pub fitted: Option<&'a [u64]>,
    /// Levels, from the first.
    pub levels: &'a [Level],
    /// How members are sampled from a cluster.
    pub strategy: Strategy,
    /// Whether centroids have norm 1: see [`super::Fit::spherical`].
    pub spherical: bool,
    /// How the initial centroids of each k-means are chosen.
    pub init: Init,
    /// Starts per k-means.
    pub inits: u32,
    /// Tolerance of early stopping: see [`super::Fit::tolerance`].
    pub tolerance: f64,
    /// Seed of every random choice.
    pub seed: u64,
    /// Element type of stored centroids: float32 or float64.
    pub stored: Dtype,
    /// The device.
    pub backend: &'a dyn Backend,
    /// The processes that share the work.
    pub communicator: &'a dyn Communicator,
    /// Receives progress, and can cancel the run.
    pub watch: &'a dyn Progress,
    /// Output folder, in upstream's layout.
    pub folder: &'a Path,
    /// Steps that an earlier run has finished, which are kept (see [`still_there`]). Rank 0 decides.
    pub done: &'a [KmeansStep],
    /// Interval between checkpoints, and the fingerprint that must match when one is resumed; `None` for no checkpoints.
    pub checkpoint: Option<(Duration, String)>,
    /// Called on rank 0 after each step.
    pub report: &'a (dyn Fn(KmeansStep) -> Result<()> + Sync),
}

/// A finished level or step.
pub(super) struct BuiltLevel {
    /// `[k, d]`, rounded to the stored element type.
    pub(super) centroids: Array2<f64>,
    /// Members of each cluster, nearest to the centroid first.
    pub(super) sorted: Clusters,
}

/// The longest prefix of finished `steps` whose files all exist. Every step depends on those before it.
pub fn still_there(steps: Vec<KmeansStep>, levels: &[Level], folder: &Path) -> Vec<KmeansStep> {
    let is_there = |done: &KmeansStep| {
        let level = usize::try_from(done.level).ok().and_then(|number| levels.get(number.checked_sub(1)?));
        let folder = hierarchy_writer::level_folder(folder, done.level);
        let split = level.is_some_and(|level| level.splits > 1);
        let steps = if split { hierarchy_writer::pre_clusters(&folder) } else { folder };
        level.is_some() && hierarchy_writer::is_complete(&hierarchy_writer::step_folder(&steps, done.step))
    };
    steps.into_iter().take_while(is_there).collect()
}

impl Build<'_> {
    /// Whether an earlier run has finished a step.
    pub(super) fn is_done(&self, level: u32, step: u32) -> bool {
        self.done.iter().any(|done| (done.level, done.step) == (level, step))
    }

    /// The type that the points of a level are rounded to, if centroids have norm 1; else `None`.
    pub(super) fn rounded_to(&self, level: u32) -> Option<Dtype> {
        self.spherical.then(|| if level > 1 { self.stored } else { self.points.dtype() })
    }

    /// Reads the centroids and clusters in `folder`, if rank 0 finds them `complete`.
    pub(super) fn read_earlier(&self, folder: &Path, complete: bool) -> Result<Option<BuiltLevel>> {
        let mut there = vec![u8::from(complete)];
        self.communicator.broadcast(&mut there)?;
        if there != [1] {
            return Ok(None);
        }
        let stored = Matrix::open(&folder.join("centroids.npy")).map_err(Error::input)?;
        let sorted = read_clusters(&folder.join("sorted_clusters.npy")).map_err(Error::input)?;
        let view = stored.view();
        let mut centroids = Array2::zeros((view.rows(), view.cols()));
        for (row, mut out) in centroids.outer_iter_mut().enumerate() {
            // a new matrix is row-major
            view.copy_row(row, out.as_slice_mut().unwrap_or_default());
        }
        Ok(Some(BuiltLevel { centroids, sorted }))
    }
}
