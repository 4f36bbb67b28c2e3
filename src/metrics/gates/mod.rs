//! Gates: conditions under which a run counts as failed, so that a job can hold a clustering to a bar.
//!
//! A gate is written as what must not be: `level1.silhouette < 0.1` fails the run whose silhouette on level 1 is below 0.1.
//! A figure that is not defined fails it too, with its reason: NaN passes no bar. What a gate can be about differs
//! between a run ([`Gate`]) and two runs side by side ([`crate::report::compare`]); the rest is here.
//!
//! ```text
//! GATE       = SUBJECT COMPARISON NUMBER
//! COMPARISON = < | <= | > | >= | == | !=
//! SUBJECT    = LEVELS . FIGURE              (of a run)
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

/// A gate of a run: a figure on some levels, and what it must not be.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    /// As it was written.
    pub condition: Condition,
    /// Where.
    pub levels: Levels,
    /// A figure of levels.
    pub figure: &'static str,
}

impl Gate {
    /// Holds the levels of a run against it. `of_level` gives the figure of a level, or why there is none.
    pub fn judge(&self, levels: &[u32], of_level: impl Fn(u32) -> Result<f64, String>) -> Verdict {
        Verdict::of(&self.condition, &self.levels, levels, of_level)
    }
}

impl FromStr for Gate {
    type Err = Finding;

    /// # Errors
    /// No condition, or one on a figure or on levels that there are not; the nearest figure is named.
    fn from_str(text: &str) -> Result<Self, Finding> {
        let condition: Condition = text.parse()?;
        let Some((levels, figure)) = condition.subject.split_once('.') else {
            let finding = Finding::new(format!("a gate names no figure of a level: `{text}`"));
            return Err(finding.expected(EXAMPLE).found(format!("`{}`", condition.subject)));
        };
        let (levels, figure) =
            (levels.parse().map_err(|wrong: Finding| wrong.found(format!("`{text}`")))?, figure_of_levels(figure)?);
        Ok(Gate { condition, levels, figure })
    }
}

const EXAMPLE: &str = "LEVEL.FIGURE COMPARISON NUMBER, such as 'level1.silhouette < 0.1'";

/// A figure of levels by its name, with `-` or `_`.
///
/// # Errors
/// There is no such figure; the nearest is named.
pub fn figure_of_levels(name: &str) -> Result<&'static str, Finding> {
    let name = name.trim().replace('-', "_");
    let known = || metrics::of_levels().map(metrics::Metric::name);
    known().find(|known| *known == name).ok_or_else(|| metrics::unknown("figure of levels", &name, known()))
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
