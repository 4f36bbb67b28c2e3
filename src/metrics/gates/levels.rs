//! The levels that a gate is about.

use std::str::FromStr;

use crate::base::error::Finding;

/// On which levels a condition fails a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Levels {
    /// `level2`: on this one.
    One(u32),
    /// `level*` or `any`: if it is so on any of them.
    Any,
    /// `all`: if it is so on all of them.
    All,
}

impl Levels {
    /// # Errors
    /// A level that is not among the `known` ones.
    pub fn check(self, known: &[u32]) -> Result<(), Finding> {
        match self {
            Levels::One(level) if !known.contains(&level) => {
                let known: Vec<String> = known.iter().map(|level| format!("level{level}")).collect();
                let finding = Finding::new(format!("a gate is on level {level}, of which there are no figures"));
                Err(finding.expected(format!("any of {}, level*, any, all", known.join(", "))))
            }
            _ => Ok(()),
        }
    }
}

impl FromStr for Levels {
    type Err = Finding;

    fn from_str(text: &str) -> Result<Self, Finding> {
        match text.trim() {
            "level*" | "any" => return Ok(Levels::Any),
            "all" => return Ok(Levels::All),
            text => text.strip_prefix("level").and_then(|number| number.parse().ok()).filter(|&level| level > 0),
        }
        .map(Levels::One)
        .ok_or_else(|| {
            let finding = Finding::new(format!("a gate names no levels: `{}`", text.trim()));
            finding.expected("level1, level2, ..., level* or any (of the levels), or all (of them)")
        })
    }
}
