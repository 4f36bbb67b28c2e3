//! Times the stages.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// How long a stage took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StageTime {
    /// `evaluate` for the pass over the embeddings, `evaluate.read` and `evaluate.compute` added up over its lanes,
    /// `search`, `means`, `silhouette`, `neighbours`, `mean_neighbours`.
    pub name: &'static str,
    /// Wall seconds, or lane seconds.
    pub seconds: f64,
    /// Whether it went over this process's rows of the embeddings.
    pub over_rows: bool,
}

/// Collects times.
#[derive(Debug, Default)]
pub struct Clock(Mutex<Vec<StageTime>>);

impl Clock {
    /// A stage begins.
    pub(super) fn start(&self) -> Instant {
        Instant::now()
    }

    /// It is over.
    pub(super) fn stop(&self, name: &'static str, started: Instant, over_rows: bool) {
        self.push(StageTime { name, seconds: started.elapsed().as_secs_f64(), over_rows });
    }

    /// A part of the stage before.
    pub(super) fn add(&self, name: &'static str, seconds: f64) {
        self.push(StageTime { name, seconds, over_rows: true });
    }

    fn push(&self, time: StageTime) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(time);
    }

    /// The stages so far, in the order of the work.
    pub fn stages(&self) -> Vec<StageTime> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
