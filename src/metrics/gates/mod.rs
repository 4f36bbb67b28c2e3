//! Gates: conditions under which a run counts as failed, so that a job can enforce a minimum quality.
//!
//! A gate states what must not happen: `level1.silhouette < 0.1` fails a run if its silhouette on level 1 is below 0.1. An
//! undefined value fails the gate as well and reports the reason. The subject of a gate differs between one run ([`Gate`])
//! and a comparison of two runs ([`crate::report::compare`]); everything else is shared and defined here.
//!
//! ```text
//! GATE       = SUBJECT COMPARISON NUMBER
//! COMPARISON = < | <= | > | >= | == | !=
//! SUBJECT    = LEVELS . METRIC              (for one run)
//! LEVELS     = levelN | level* | any | all
//! ```

mod condition;
mod levels;
mod verdict;

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::base::error::Finding;
use crate::metrics;
pub use condition::Condition;
pub use levels::Levels;
pub use verdict::Verdict;

/// A gate of one run: a metric, the levels it is checked on, and the condition that fails the gate.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    /// The condition as written.
    pub condition: Condition,
    /// The levels it is checked on.
    pub levels: Levels,
    /// Name of a per-level metric.
    pub metric: &'static str,
}

impl Gate {
    /// Judges the `levels` of a run. `of_level` returns the metric's value on a level, or why it is undefined.
    pub fn judge(&self, levels: &[u32], of_level: impl Fn(u32) -> Result<f64, String>) -> Verdict {
        Verdict::of(&self.condition, &self.levels, levels, of_level)
    }
}

impl FromStr for Gate {
    type Err = Finding;

    /// # Errors
    /// A malformed condition, or an unknown metric or level; the finding suggests the nearest metric.
    fn from_str(text: &str) -> Result<Self, Finding> {
        let condition: Condition = text.parse()?;
        let Some((levels, metric)) = condition.subject.split_once('.') else {
            let finding = Finding::new(format!("a gate does not name a level and a metric: `{text}`"));
            return Err(finding.expected(EXAMPLE).found(format!("`{}`", condition.subject)));
        };
        let levels = levels.parse().map_err(|wrong: Finding| wrong.found(format!("`{text}`")))?;
        Ok(Gate { levels, metric: level_metric(metric)?, condition })
    }
}

const EXAMPLE: &str = "LEVEL.METRIC COMPARISON NUMBER, for example 'level1.silhouette < 0.1'";

/// The name of a per-level metric, spelled with `-` or `_`.
///
/// # Errors
/// An unknown name; the finding suggests the nearest one.
pub fn level_metric(name: &str) -> Result<&'static str, Finding> {
    let name = name.trim().replace('-', "_");
    let known = || metrics::of_levels().map(metrics::Metric::name);
    known().find(|known| *known == name).ok_or_else(|| metrics::unknown("per-level metric", &name, known()))
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.condition.fmt(f)
    }
}

impl Serialize for Gate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests;
