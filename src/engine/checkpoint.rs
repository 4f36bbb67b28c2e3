//! What stages find is kept, so that an interrupted run can go on and the parts of a run can be added up.

use crate::base::error::{Error, Finding, Kind, Result};
use crate::engine::partials::{OuterSums, RowSums};

/// A stage of the work that goes over rows or pairs of rows, and whose result adds up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The pass over the embeddings: own distances, nearest centroids, sums of the points.
    Distances,
    /// The same again without the clusters that lost all their rows to NaN.
    Search,
    /// Distances to the means.
    Means,
    /// Points against points.
    Silhouette,
}

impl Stage {
    /// All, in the order of the work.
    pub const ALL: [Stage; 4] = [Stage::Distances, Stage::Search, Stage::Means, Stage::Silhouette];

    /// As files and records name it.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Distances => "distances",
            Stage::Search => "search",
            Stage::Means => "means",
            Stage::Silhouette => "silhouette",
        }
    }
}

/// Keeps what stages have found so far.
pub trait CheckpointStore: Sync {
    /// What a pass found earlier, complete or not: rows from the first of this process's on.
    fn load_rows(&self, stage: Stage) -> Result<Option<RowSums>>;
    /// What a comparison of points found earlier, complete or not.
    fn load_outer(&self, stage: Stage) -> Result<Option<OuterSums>>;
    /// Keeps what a pass found: everything, where it is at this process's last row.
    fn store_rows(&self, stage: Stage, found: &RowSums) -> Result<()>;
    /// Keeps what a comparison of points found.
    fn store_outer(&self, stage: Stage, found: &OuterSums) -> Result<()>;
    /// Whether it is time to store what there is.
    fn due(&self) -> bool;
    /// Whether the run was asked to store what there is and to end.
    fn pausing(&self) -> bool;
}

/// Keeps nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCheckpoints;

impl CheckpointStore for NoCheckpoints {
    fn load_rows(&self, _: Stage) -> Result<Option<RowSums>> {
        Ok(None)
    }

    fn load_outer(&self, _: Stage) -> Result<Option<OuterSums>> {
        Ok(None)
    }

    fn store_rows(&self, _: Stage, _: &RowSums) -> Result<()> {
        Ok(())
    }

    fn store_outer(&self, _: Stage, _: &OuterSums) -> Result<()> {
        Ok(())
    }

    fn due(&self) -> bool {
        false
    }

    fn pausing(&self) -> bool {
        false
    }
}

/// Stores now and then. A full disk must not end a run that has everything else it needs.
pub fn on_the_way(stored: Result<()>) {
    if let Err(error) = stored {
        tracing::warn!("no checkpoint could be written, and the run goes on: {error}");
    }
}

/// How a stage ends that `error` stopped: where the run was asked to pause, what it found is stored first.
pub fn stopped(error: Error, checkpoints: &dyn CheckpointStore, store: impl FnOnce() -> Result<()>) -> Error {
    if error.kind() != Kind::Interrupted || !checkpoints.pausing() {
        return error;
    }
    match store() {
        Ok(()) => Error::new(
            Kind::Paused,
            Finding::new("stopped after a checkpoint").hint("the same command with --resume goes on from there"),
        ),
        Err(failed) => failed,
    }
}
