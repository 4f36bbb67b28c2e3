//! How k-means ended, for clusterings made by this program.

use super::level_facts::{LevelFacts, per_level, reached};
use super::words::percent;
use crate::metrics::Severity;
use crate::plan::record::{ClusteringFinding, RunRecord};

pub(super) const STILL_FALLING: &str = "The objective of a level's last k-means fell by 1 % in its last iteration, and it had \
                                        not converged: warning; by 0.1 %: note.";

/// k-means that were stopped early.
pub(super) fn still_falling(record: &RunRecord) -> Vec<ClusteringFinding> {
    per_level(record, |level: LevelFacts<'_>| {
        let made = level.record.kmeans.as_ref()?;
        let step = made.steps.iter().rfind(|step| step.level == level.number() && !step.converged)?;
        // a later step may have converged
        if made.steps.iter().any(|other| other.level == step.level && other.step > step.step) {
            return None;
        }
        let [.., before, last] = step.objectives[..] else { return None };
        let fall = (before - last) / before;
        let severity = reached(fall, &[(0.01, Severity::Warning), (0.001, Severity::Note)])?;
        let number = level.number();
        let sentence = format!(
            "k-means of level {number} ended early: its objective still fell by {} in the last of {} iterations.",
            percent(fall),
            step.objectives.len()
        );
        let suggestion = "Allow more iterations (`n_iters`).";
        Some(level.finding(severity, fall, sentence).suggesting(suggestion))
    })
}
