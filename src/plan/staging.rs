//! Which rows a process copies to the machine's own disk: those that it reads more than once. A copy costs one reading.

use std::ops::Range;

use super::{CheckedInputs, Plan};
use crate::backend::PointShape;
use crate::base::error::Result;
use crate::engine::checkpoint_store::{Chain, Stage};
use crate::formats::embeddings::Embeddings;
use crate::formats::folder::describe_bytes;
use crate::metrics::Need;
use crate::plan::record::Staging;
use crate::plan::settings::{Scratch, Unset};

/// The passes that a process still has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passes {
    /// Over its own rows.
    pub own: usize,
    /// Over all rows.
    pub all: usize,
}

impl Passes {
    /// The rows that are read more than once by a process whose rows are `own`, of `all`; `None` if there are none.
    fn repeated(self, own: &Range<u64>, all: u64) -> Option<Range<u64>> {
        match self {
            Passes { all: 2.., .. } => Some(0..all),
            Passes { own: passes, all: others } if passes + others > 1 => Some(own.clone()),
            _ => None,
        }
    }
}

impl Plan {
    /// The passes that a process with the rows `own` still has to do: those of the first round and, if it `goes_on`, of the
    /// second. `done` says which stages are complete.
    pub fn passes(&self, own: &Range<u64>, goes_on: bool, done: &dyn Fn(Stage) -> bool) -> Passes {
        let left = |stage: Stage, wanted: bool| usize::from(wanted && !done(stage));
        let needs = |need| self.needs.contains(&need);
        let is_whole = *own == (0..self.embeddings.rows());
        // with parts, one of them computes the means of labels for all
        let means_of_labels = left(Stage::Distances, is_whole && self.hierarchy.lacks_centroids());
        let first = left(Stage::Distances, true) + means_of_labels;
        if !goes_on {
            return Passes { own: first, all: 0 };
        }
        let means = (needs(Need::Means) || needs(Need::MeanNeighbours)) && !self.hierarchy.centroids_are_means();
        let around = left(Stage::Means, means && !(is_whole && self.keeps_points()));
        let cosine = left(Stage::Cosine, needs(Need::Cosine));
        let chains = match self.wanted().silhouette {
            Some(_) => self.hierarchy.chains(&self.levels).len(),
            None => 0,
        };
        let silhouettes = Chain::all().take(chains).filter(|&chain| !done(Stage::Silhouette(chain)));
        Passes { own: first + around + cosine, all: silhouettes.count() }
    }

    /// Whether the points stay on the device after the first pass.
    fn keeps_points(&self) -> bool {
        let embeddings = &self.embeddings;
        let tile_rows = self.tile_rows().map_or(1, std::num::NonZero::get);
        let (dim, dtype, rows) = (embeddings.dim(), embeddings.dtype(), embeddings.rows());
        self.backend.keep(PointShape { dim, dtype, rows, tile_rows }).is_some()
    }

    /// Reads rows from copies on the machine's own disk from now on, if `--scratch` is set and a process with these rows and
    /// passes reads them more than once. `None` without `--scratch`. If there is no room, everything is read from the source,
    /// with a warning.
    ///
    /// # Errors
    /// `Failed` if a copy can't be written or opened; the error of `go_on`, which is polled while copying.
    pub fn stage(
        &mut self,
        own: &Range<u64>,
        passes: Passes,
        go_on: &dyn Fn() -> Result<()>,
    ) -> Result<Option<Staging>> {
        let CheckedInputs { settings, embeddings, warnings, .. } = &mut self.inputs;
        let Some(scratch) = &settings.scratch else { return Ok(None) };
        let rows = passes.repeated(own, embeddings.rows()).ok_or_else(|| "no row is read twice".to_owned());
        let (staging, warning) = stage(scratch, embeddings, rows, go_on)?;
        warnings.extend(warning);
        Ok(Some(staging))
    }
}

/// Copies `rows` to the folder of `scratch`, unless the copies exist, and reads them from there from now on. An `Err` says why no
/// row is worth a copy. Then, and where there can be none, everything is read from the source. Returns what was done, and
/// a warning if there can be no copy.
///
/// # Errors
/// `Failed` if a copy can't be written or opened; the error of `go_on`, which is polled while copying.
pub fn stage(
    scratch: &Scratch,
    embeddings: &mut Embeddings,
    rows: Result<Range<u64>, String>,
    go_on: &dyn Fn() -> Result<()>,
) -> Result<(Staging, Option<String>)> {
    let from_source = |why: String| Staging { source: Some(why), ..Staging::default() };
    let warning = |why: &str| {
        format!("--scratch {}: {why}; the embeddings are read from where they are", scratch.written().display())
    };
    let folder = match scratch.folder() {
        Ok(folder) => folder,
        Err(Unset(name)) => {
            let why = format!("${name} is not set on this machine");
            let warning = warning(&why);
            return Ok((from_source(why), Some(warning)));
        }
    };
    let rows = match rows {
        Ok(rows) => rows,
        Err(why) => {
            tracing::info!("--scratch: nothing is copied, because {why}");
            return Ok((from_source(why), None));
        }
    };
    let summary = embeddings.copy_rows(&rows, &folder, go_on)?;
    let source = summary.no_room.map(|(needed, available)| {
        let [needed, available] = [needed, available].map(describe_bytes);
        format!("{} has no room for a copy of {needed}: {available} are available", folder.display())
    });
    if source.is_none() {
        let (Range { start, end }, copied) = (&rows, describe_bytes(summary.copied));
        tracing::info!("--scratch: rows {start}..{end} are read from {}; {copied} copied", folder.display());
    }
    let warning = source.as_deref().map(warning);
    Ok((Staging { copied_bytes: summary.copied, bytes: summary.in_copies, source }, warning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rows_that_are_read_twice_are_copied() {
        let rows = |own, all| Passes { own, all }.repeated(&(10..20), 100);
        assert_eq!((rows(1, 0), rows(0, 1), rows(0, 0)), (None, None, None));
        assert_eq!((rows(2, 0), rows(1, 1)), (Some(10..20), Some(10..20)));
        assert_eq!((rows(0, 2), rows(3, 2)), (Some(0..100), Some(0..100)));
    }
}
