//! Times of the stages.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Duration of a stage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StageTime {
    /// `evaluate` for the first pass over the embeddings; `evaluate.read` and `evaluate.compute`, summed over its lanes;
    /// `search`, `means`, `silhouette`, `neighbours`, `mean_neighbours`, `labels`.
    pub name: &'static str,
    /// Wall seconds, or lane seconds.
    pub seconds: f64,
    /// Whether the stage covered this process's rows of the embeddings.
    pub over_rows: bool,
}

/// Collects the times of stages.
#[derive(Debug, Default)]
pub struct Clock(Mutex<Vec<StageTime>>);

impl Clock {
    /// Starts a stage.
    pub(super) fn start(&self) -> Instant {
        Instant::now()
    }

    /// Records a stage that ends now.
    pub(super) fn stop(&self, name: &'static str, started: Instant, over_rows: bool) {
        self.push(StageTime { name, seconds: started.elapsed().as_secs_f64(), over_rows });
    }

    /// Records a part of the last stage.
    pub(super) fn add(&self, name: &'static str, seconds: f64) {
        self.push(StageTime { name, seconds, over_rows: true });
    }

    fn push(&self, time: StageTime) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(time);
    }

    /// The stages so far, in the order in which they ended.
    pub fn stages(&self) -> Vec<StageTime> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
