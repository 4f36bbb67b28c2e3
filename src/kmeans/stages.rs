//! How long the stages of a k-means take, told by the watch that hears of them.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::engine::progress::{Progress, StageProgress};

/// Passes on what it hears, and takes the time of each stage.
pub(super) struct Stages<'a> {
    watch: &'a dyn Progress,
    taken: Mutex<Vec<(&'static str, f64)>>,
}

struct Stage<'a> {
    told: Box<dyn StageProgress + 'a>,
    stages: &'a Stages<'a>,
    name: &'static str,
    since: Instant,
}

impl<'a> Stages<'a> {
    pub(super) fn of(watch: &'a dyn Progress) -> Self {
        Stages { watch, taken: Mutex::default() }
    }

    /// Seconds of all stages of that name together.
    pub(super) fn seconds(&self, name: &str) -> f64 {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.iter().filter(|(stage, _)| *stage == name).map(|(_, seconds)| seconds).sum()
    }
}

impl Progress for Stages<'_> {
    fn begin(&self, stage: &'static str, total: u64, unit_bytes: u64) -> Box<dyn StageProgress + '_> {
        let told = self.watch.begin(stage, total, unit_bytes);
        Box::new(Stage { told, stages: self, name: stage, since: Instant::now() })
    }

    fn cancelled(&self) -> bool {
        self.watch.cancelled()
    }
}

impl StageProgress for Stage<'_> {
    fn advance(&self, units: u64) {
        self.told.advance(units);
    }
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        let mut taken = self.stages.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.push((self.name, self.since.elapsed().as_secs_f64()));
    }
}
