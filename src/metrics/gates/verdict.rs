//! The outcome of a gate.

use serde::Serialize;

use super::{Condition, Levels};
use crate::base::error::Finding;

/// Whether a gate holds, and the values that decide it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// The gate as written.
    pub gate: String,
    /// Whether all values are defined and the condition is not met.
    pub holds: bool,
    /// The values, for example `0.1102`; with their levels if there are several.
    pub found: String,
}

impl Verdict {
    /// Judges a condition on the `known` levels. `of_level` returns the value on a level, or why it is undefined.
    pub fn of(
        condition: &Condition,
        levels: &Levels,
        known: &[u32],
        of_level: impl Fn(u32) -> Result<f64, String>,
    ) -> Verdict {
        let numbers = match levels {
            Levels::One(level) => std::slice::from_ref(level),
            Levels::Any | Levels::All => known,
        };
        // a NaN that gets through as a number must not pass the gate
        let defined = |value: &f64| !value.is_nan();
        let value = |&level: &u32| {
            let value = of_level(level).and_then(|v| Some(v).filter(defined).ok_or_else(|| "not a number".to_owned()));
            (level, value)
        };
        let values: Vec<(u32, Result<f64, String>)> = numbers.iter().map(value).collect();
        let undefined = values.is_empty() || values.iter().any(|(_, value)| value.is_err());
        let mut met = values.iter().map(|(_, value)| value.as_ref().is_ok_and(|&value| condition.is_met(value)));
        let met = if *levels == Levels::All { met.all(|met| met) } else { met.any(|met| met) };
        let described = |(level, value): &(u32, Result<f64, String>)| {
            let value = value.as_ref().map_or_else(|why| format!("undefined ({why})"), f64::to_string);
            if numbers.len() == 1 { value } else { format!("{value} on level {level}") }
        };
        let found: Vec<String> = values.iter().map(described).collect();
        Verdict { gate: condition.to_string(), holds: !undefined && !met, found: found.join(", ") }
    }

    /// One line for standard output.
    pub fn line(&self) -> String {
        let outcome = if self.holds { "holds" } else { "fails" };
        format!("gate {outcome}: {}: found {}", self.gate, self.found)
    }

    /// The finding to report if the gate fails.
    pub fn failure(&self) -> Option<Finding> {
        let failure = || Finding::new(format!("a gate fails: {}", self.gate)).found(self.found.clone());
        (!self.holds).then(failure)
    }
}
