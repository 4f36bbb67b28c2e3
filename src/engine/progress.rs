//! Who hears of progress.

/// Hears of progress, and may stop the run.
pub trait Progress: Sync {
    /// A stage of `total` units begins, each of `unit_bytes` bytes of embeddings (0 where that says nothing). It is over
    /// when what is returned is dropped.
    fn begin(&self, stage: &'static str, total: u64, unit_bytes: u64) -> Box<dyn StageProgress + '_>;
    /// Whether the run is to stop.
    fn cancelled(&self) -> bool;
}

/// Hears of one stage's progress.
pub trait StageProgress: Sync {
    /// So many more units are done.
    fn advance(&self, units: u64);
}
