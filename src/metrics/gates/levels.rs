//! The levels that a gate applies to.

use std::str::FromStr;

use crate::base::error::Finding;

/// Levels on which a condition fails a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Levels {
    /// `level2`: this level.
    One(u32),
    /// `level*` or `any`: the gate fails if any level meets the condition.
    Any,
    /// `all`: the gate fails if all levels meet the condition.
    All,
}

impl Levels {
    /// Checks that the level is evaluated.
    ///
    /// # Errors
    /// A level that is not among the `known` ones.
    pub fn check(self, known: &[u32]) -> Result<(), Finding> {
        match self {
            Levels::One(level) if !known.contains(&level) => {
                let known: Vec<String> = known.iter().map(|level| format!("level{level}")).collect();
                let finding = Finding::new(format!("a gate is on level {level}, which is not evaluated"));
                Err(finding.expected(format!("one of {}, level*, any, all", known.join(", "))))
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
            let finding = Finding::new(format!("a gate does not name a level: `{}`", text.trim()));
            finding.expected("level1, level2, ...; level* or any (any level); all (all levels)")
        })
    }
}
