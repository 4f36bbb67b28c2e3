//! Measures the stages of a k-means through its progress reports.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::engine::progress::{Progress, StageProgress};

/// Forwards progress, and records how long each stage takes.
pub(super) struct StageTimes<'a> {
    watch: &'a dyn Progress,
    times: Mutex<Vec<(&'static str, f64)>>,
}

struct TimedStage<'a> {
    progress: Box<dyn StageProgress + 'a>,
    times: &'a StageTimes<'a>,
    name: &'static str,
    started: Instant,
}

impl<'a> StageTimes<'a> {
    pub(super) fn new(watch: &'a dyn Progress) -> Self {
        StageTimes { watch, times: Mutex::default() }
    }

    /// Total seconds of the stages with this name.
    pub(super) fn seconds(&self, name: &str) -> f64 {
        let times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        times.iter().filter(|(stage, _)| *stage == name).map(|(_, seconds)| seconds).sum()
    }
}

impl Progress for StageTimes<'_> {
    fn start_stage(&self, stage: &'static str, total: u64, unit_bytes: u64) -> Box<dyn StageProgress + '_> {
        let progress = self.watch.start_stage(stage, total, unit_bytes);
        Box::new(TimedStage { progress, times: self, name: stage, started: Instant::now() })
    }

    fn cancelled(&self) -> bool {
        self.watch.cancelled()
    }
}

impl StageProgress for TimedStage<'_> {
    fn advance(&self, units: u64) {
        self.progress.advance(units);
    }

    fn iteration(&self, done: u64, most: u64) {
        self.progress.iteration(done, most);
    }
}

impl Drop for TimedStage<'_> {
    fn drop(&mut self) {
        let mut times = self.times.times.lock().unwrap_or_else(PoisonError::into_inner);
        times.push((self.name, self.started.elapsed().as_secs_f64()));
    }
}
