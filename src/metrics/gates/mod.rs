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
//!            | findings . SEVERITY          (for one run: how many findings of that severity it has)
//! LEVELS     = levelN | level* | any | all
//! ```

mod condition;
mod levels;
mod verdict;

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::base::error::Finding;
use crate::metrics::{self, Severity};
pub use condition::Condition;
pub use levels::Levels;
pub use verdict::Verdict;

/// A gate of one run: what it checks, and the condition that fails it.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    /// The condition as written.
    pub condition: Condition,
    /// What it checks.
    pub subject: Subject,
}

/// What a gate of one run checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A per-level metric, on some levels.
    Metric(Levels, &'static str),
    /// The number of findings of a severity.
    Findings(Severity),
}

/// What comes before the severity of findings.
const FINDINGS: &str = "findings";

impl Gate {
    /// Judges the `levels` of a run. `of_level` returns the value of a metric on a level, or why it is undefined; `findings`
    /// the number of findings of a severity.
    pub fn judge(
        &self,
        levels: &[u32],
        of_level: impl Fn(u32, &str) -> Result<f64, String>,
        findings: impl Fn(Severity) -> f64,
    ) -> Verdict {
        match self.subject {
            Subject::Metric(which, metric) => {
                Verdict::of(&self.condition, &which, levels, |level| of_level(level, metric))
            }
            // of the whole run: any level will do
            Subject::Findings(severity) => {
                Verdict::of(&self.condition, &Levels::One(1), &[], |_| Ok(findings(severity)))
            }
        }
    }

    /// The metric that it needs.
    pub fn metric(&self) -> Option<&'static str> {
        match self.subject {
            Subject::Metric(_, metric) => Some(metric),
            Subject::Findings(_) => None,
        }
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
        let subject = if levels.trim() == FINDINGS {
            Subject::Findings(metric.parse()?)
        } else {
            let levels = levels.parse().map_err(|wrong: Finding| wrong.found(format!("`{text}`")))?;
            Subject::Metric(levels, level_metric(metric)?)
        };
        Ok(Gate { subject, condition })
    }
}

const EXAMPLE: &str =
    "LEVEL.METRIC COMPARISON NUMBER or findings.SEVERITY COMPARISON NUMBER, for example 'level1.silhouette < 0.1'";

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
