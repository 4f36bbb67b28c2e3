//! Progress reports and cancellation.

/// Receives progress, and can cancel the run.
pub trait Progress: Sync {
    /// Starts a stage of `total` units. A unit stands for `unit_bytes` bytes of embeddings; 0 if it stands for none. The
    /// stage ends when the returned value is dropped.
    fn start_stage(&self, stage: &'static str, total: u64, unit_bytes: u64) -> Box<dyn StageProgress + '_>;

    /// Whether the run should stop.
    fn cancelled(&self) -> bool;
}

/// Receives the progress of one stage.
pub trait StageProgress: Sync {
    /// Reports `units` more units as done.
    fn advance(&self, units: u64);

    /// Reports that an iteration of at most `most` is done.
    fn iteration(&self, _done: u64, _most: u64) {}
}

/// Ignores progress, and never cancels.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn start_stage(&self, _: &'static str, _: u64, _: u64) -> Box<dyn StageProgress + '_> {
        Box::new(NoProgress)
    }

    fn cancelled(&self) -> bool {
        false
    }
}

impl StageProgress for NoProgress {
    fn advance(&self, _: u64) {}
}
