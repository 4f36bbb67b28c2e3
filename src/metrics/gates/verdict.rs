//! What came of a gate.

use serde::Serialize;

use super::{Condition, Levels};
use crate::base::error::Finding;

/// Whether a gate holds, and the figures that decide.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// As it was written.
    pub gate: String,
    /// Whether the condition is not met, by figures that are all defined.
    pub holds: bool,
    /// The figures: `0.1102`, or with their levels where there are several.
    pub found: String,
}

impl Verdict {
    /// Judges a condition on `known` levels. `of_level` gives the figure of a level, or why there is none.
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
        // a sink that lets NaN through as a number must not make it pass
        let defined = |figure: &f64| !figure.is_nan();
        let figure = |&level: &u32| {
            let figure = of_level(level).and_then(|f| Some(f).filter(defined).ok_or_else(|| "not a number".to_owned()));
            (level, figure)
        };
        let figures: Vec<(u32, Result<f64, String>)> = numbers.iter().map(figure).collect();
        let undefined = figures.is_empty() || figures.iter().any(|(_, figure)| figure.is_err());
        let mut met = figures.iter().map(|(_, figure)| figure.as_ref().is_ok_and(|&figure| condition.is_met(figure)));
        let met = if *levels == Levels::All { met.all(|met| met) } else { met.any(|met| met) };
        let told = |(level, figure): &(u32, Result<f64, String>)| {
            let figure = figure.as_ref().map_or_else(|why| format!("not defined ({why})"), f64::to_string);
            if numbers.len() == 1 { figure } else { format!("{figure} on level {level}") }
        };
        let found: Vec<String> = figures.iter().map(told).collect();
        Verdict { gate: condition.to_string(), holds: !undefined && !met, found: found.join(", ") }
    }

    /// For standard output.
    pub fn line(&self) -> String {
        let outcome = if self.holds { "holds" } else { "fails" };
        format!("gate {outcome}: {}: found {}", self.gate, self.found)
    }

    /// What is wrong, where it does not hold.
    pub fn failure(&self) -> Option<Finding> {
        let failure = || Finding::new(format!("a gate fails: {}", self.gate)).found(self.found.clone());
        (!self.holds).then(failure)
    }
}
