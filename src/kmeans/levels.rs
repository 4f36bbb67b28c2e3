//! The hierarchy: the first level clusters the points, each higher one the centroids of the level below it.

use std::path::Path;
use std::time::Duration;

use ndarray::Array2;

use super::split::Split;
use super::steps::{Done, Steps};
use super::{Communicator, Init};
use crate::backend::Backend;
use crate::base::error::{Error, Result};
use crate::base::matrix::Dtype;
use crate::engine::points::{MatrixPoints, Points};
use crate::engine::progress::Progress;
use crate::formats::hierarchy_writer;
use crate::formats::npy::Matrix;
use crate::formats::pickle::read_clusters;
use crate::kmeans::record::KmeansStep;
use crate::kmeans::sampling::Strategy;

/// How a level is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// Clusters, before they are split.
    pub clusters: usize,
    /// Lloyd iterations of every k-means at most.
    pub iterations: u32,
    /// Clusters that each of them is split into at most; 1: it is not.
    pub splits: u32,
    /// k-means in all; each but the first clusters a sample.
    pub steps: u32,
    /// Points that each cluster gives to the sample.
    pub sample_size: u64,
}

/// A hierarchy to be made.
pub struct Build<'a> {
    /// What the first level clusters.
    pub points: &'a dyn Points,
    /// From the first on.
    pub levels: &'a [Level],
    /// Which members a cluster gives to a sample.
    pub strategy: Strategy,
    /// How the first centroids of every k-means are chosen.
    pub init: Init,
    /// Starts of every k-means.
    pub inits: u32,
    /// When iterations end early: see [`super::Fit::tolerance`].
    pub tolerance: f64,
    /// Of every random choice.
    pub seed: u64,
    /// What centroids are stored as: float32 or float64.
    pub stored: Dtype,
    /// The device.
    pub backend: &'a dyn Backend,
    /// Who shares the work.
    pub communicator: &'a dyn Communicator,
    /// Who hears of progress, and may stop the run.
    pub watch: &'a dyn Progress,
    /// Where it is written, as upstream lays it out.
    pub folder: &'a Path,
    /// What an earlier run has finished and is there, to be left as it is (see [`still_there`]); the first member decides.
    pub done: &'a [KmeansStep],
    /// How often a k-means under way is kept, and what must be the same for it to be taken up; `None`: never.
    pub checkpoint: Option<(Duration, String)>,
    /// Is told of each step that is done, by the first member.
    pub report: &'a (dyn Fn(KmeansStep) -> Result<()> + Sync),
}

/// Of the steps that an earlier run has finished, in the order of the work, those whose files are all there, up to the first
/// that is not: all after it are made of it.
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
    /// Makes the hierarchy, or what is left of it.
    ///
    /// # Errors
    /// What the points, the disk and the device say; fewer points on a level than clusters.
    pub fn run(&self) -> Result<()> {
        let mut below: Option<Done> = None;
        for (number, level) in (1..).zip(self.levels) {
            let centroids = below.as_ref().map(|done| MatrixPoints { matrix: &done.centroids });
            let points: &dyn Points = centroids.as_ref().map_or(self.points, |centroids| centroids);
            let done = self.level(number, level, points)?;
            below = Some(done);
        }
        Ok(())
    }

    fn level(&self, number: u32, level: &Level, points: &dyn Points) -> Result<Done> {
        let folder = hierarchy_writer::level_folder(self.folder, number);
        let steps = |folder| Steps { build: self, level, number, points, folder };
        if level.splits <= 1 {
            return steps(folder).run();
        }
        let whole = steps(hierarchy_writer::pre_clusters(&folder)).run()?;
        // each step of the level was done before, so what was split then is what would be split now
        let known = (0..level.steps).all(|step| self.is_done(number, step));
        if let Some(split) = self.earlier(&folder, known && hierarchy_writer::is_split(&folder))? {
            return Ok(split);
        }
        let split = Split { build: self, level, number, points, whole: &whole }.run()?;
        if self.communicator.rank() == 0 {
            hierarchy_writer::write_split(&folder, split.centroids.view(), self.stored, &split.sorted)?;
        }
        Ok(split)
    }

    pub(super) fn is_done(&self, level: u32, step: u32) -> bool {
        self.done.iter().any(|done| (done.level, done.step) == (level, step))
    }

    /// Centroids and clusters that lie in `folder`, where the first member finds them `complete`.
    pub(super) fn earlier(&self, folder: &Path, complete: bool) -> Result<Option<Done>> {
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
        Ok(Some(Done { centroids, sorted }))
    }
}
