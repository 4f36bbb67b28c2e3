//! Builds the hierarchy. The first level clusters the points, each higher one the centroids of the level below.

use super::build::{Build, BuiltLevel, Level};
use super::foreseen;
use super::split::Split;
use super::steps::Steps;
use crate::base::error::Result;
use crate::engine::points::{MatrixPoints, Points};
use crate::formats::hierarchy_writer;

impl Build<'_> {
    /// Builds the hierarchy, or resumes building it.
    ///
    /// # Errors
    /// `Usage` for a level with fewer points than clusters; `Input` for points that are not finite or centroids that the
    /// stored type can't hold; errors of the points, the disk, the device and the communicator.
    pub fn run(&self) -> Result<()> {
        foreseen::check(self)?;
        let mut below: Option<BuiltLevel> = None;
        for (number, level) in (1..).zip(self.levels) {
            let centroids = below.as_ref().map(|below| MatrixPoints { matrix: &below.centroids });
            let points: &dyn Points = centroids.as_ref().map_or(self.points, |centroids| centroids);
            let built = self.level(number, level, points)?;
            below = Some(built);
        }
        Ok(())
    }

    fn level(&self, number: u32, level: &Level, points: &dyn Points) -> Result<BuiltLevel> {
        let folder = hierarchy_writer::level_folder(self.folder, number);
        let steps = |folder| Steps { build: self, level, number, points, folder };
        if level.splits <= 1 {
            return steps(folder).run();
        }
        let whole = steps(hierarchy_writer::pre_clusters(&folder)).run()?;
        // an earlier split is valid only if it split the same clusters, so none of the steps was repeated
        let unchanged = (0..level.steps).all(|step| self.is_done(number, step));
        if let Some(split) = self.read_earlier(&folder, unchanged && hierarchy_writer::is_split(&folder))? {
            return Ok(split);
        }
        let split = Split { build: self, level, number, points, whole: &whole }.run()?;
        if self.communicator.rank() == 0 {
            hierarchy_writer::write_split(&folder, split.centroids.view(), self.stored, &split.sorted)?;
        }
        Ok(split)
    }
}
