//! Checkpoints: partial results of stages, from which an interrupted run resumes and from which parts of a run are merged.

use crate::base::error::{Error, Finding, Kind, Result};
use crate::engine::partials::{OuterSums, RowSums};

/// A stage of an evaluation that covers rows, or pairs of rows, and whose partial results can be merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// First pass over the embeddings: own distances, top-2 search, sums of the points.
    Distances,
    /// Second search, without the clusters that lost all their rows to NaN.
    Search,
    /// Distances to the true means.
    Means,
    /// Distances between points, for one chain of levels that nest.
    Silhouette(Chain),
    /// Search among the means for cosine silhouettes.
    Cosine,
}

/// Number of a chain, counted from 0: levels that nest in each other are one chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Chain(u8);

impl Chain {
    /// The first chain, which is the only one of a folder's hierarchy.
    pub const FIRST: Chain = Chain(0);

    /// Most chains of a run.
    pub const MOST: usize = SILHOUETTES.len();

    /// The chains that a run can have, in order.
    pub fn all() -> impl Iterator<Item = Chain> {
        (0..).map(Chain).take(Chain::MOST)
    }
}

/// Names of the silhouettes of each chain.
const SILHOUETTES: [&str; 16] = [
    "silhouette",
    "silhouette-2",
    "silhouette-3",
    "silhouette-4",
    "silhouette-5",
    "silhouette-6",
    "silhouette-7",
    "silhouette-8",
    "silhouette-9",
    "silhouette-10",
    "silhouette-11",
    "silhouette-12",
    "silhouette-13",
    "silhouette-14",
    "silhouette-15",
    "silhouette-16",
];

impl Stage {
    /// All stages that a run can have, in the order in which they run.
    pub fn all() -> impl Iterator<Item = Stage> {
        std::iter::once(Stage::Distances).chain(Stage::second_round())
    }

    /// All stages that a second round can have, in the order in which they run.
    pub fn second_round() -> impl Iterator<Item = Stage> {
        let silhouettes = Chain::all().map(Stage::Silhouette);
        [Stage::Search, Stage::Means].into_iter().chain(silhouettes).chain([Stage::Cosine])
    }

    /// Name in files and records.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Distances => "distances",
            Stage::Search => "search",
            Stage::Means => "means",
            Stage::Silhouette(Chain(number)) => SILHOUETTES.get(usize::from(number)).copied().unwrap_or("silhouette"),
            Stage::Cosine => "cosine",
        }
    }
}

/// Stores the partial results of stages.
pub trait CheckpointStore: Sync {
    /// Loads the result of an earlier pass, complete or not. Its rows start at this process's first row.
    ///
    /// # Errors
    /// `Input` for a damaged file, or one of another run.
    fn load_rows(&self, stage: Stage) -> Result<Option<RowSums>>;

    /// Loads the result of an earlier comparison of points, complete or not.
    ///
    /// # Errors
    /// As [`CheckpointStore::load_rows`].
    fn load_outer(&self, stage: Stage) -> Result<Option<OuterSums>>;

    /// Stores the result of a pass. It is complete if it ends at this process's last row.
    ///
    /// # Errors
    /// I/O errors.
    fn store_rows(&self, stage: Stage, found: &RowSums) -> Result<()>;

    /// Stores the result of a comparison of points.
    ///
    /// # Errors
    /// I/O errors.
    fn store_outer(&self, stage: Stage, found: &OuterSums) -> Result<()>;

    /// Whether the next checkpoint is due.
    fn due(&self) -> bool;

    /// Whether the run was asked to store a checkpoint and to stop.
    fn pause_requested(&self) -> bool;
}

/// Stores nothing.
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

    fn pause_requested(&self) -> bool {
        false
    }
}

/// Reports a checkpoint that could not be written. The run continues: it still has all it needs.
pub fn warn_if_failed(stored: Result<()>) {
    if let Err(error) = stored {
        tracing::warn!("can't write a checkpoint; the run continues: {error}");
    }
}

/// The error with which a stage ends after `error`. If the run was asked to pause, `store` is called first.
pub fn store_before_pause(
    error: Error,
    checkpoints: &dyn CheckpointStore,
    store: impl FnOnce() -> Result<()>,
) -> Error {
    if error.kind() != Kind::Interrupted || !checkpoints.pause_requested() {
        return error;
    }
    match store() {
        Ok(()) => paused(),
        Err(failed) => failed,
    }
}

/// The run stopped after storing a checkpoint.
pub fn paused() -> Error {
    Error::new(
        Kind::Paused,
        Finding::new("stopped after a checkpoint").hint("run the same command with --resume to continue"),
    )
}
