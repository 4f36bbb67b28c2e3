//! The condition of a gate: a subject, a comparison and a number.

use std::fmt;
use std::str::FromStr;

use crate::base::error::Finding;

/// The condition under which a gate fails.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    written: String,
    /// Text left of the comparison.
    pub subject: String,
    comparison: Comparison,
    bound: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    Unequal,
}

/// Two-character comparisons come first, since one-character ones are their prefixes.
const COMPARISONS: [(&str, Comparison); 6] = [
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("==", Comparison::Equal),
    ("!=", Comparison::Unequal),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

impl Condition {
    /// Whether `value` meets the condition, so that the gate fails. Undefined values must not get here: every comparison
    /// with NaN is false.
    #[expect(clippy::float_cmp, reason = "== and != ask for exact equality")]
    pub(super) fn is_met(&self, value: f64) -> bool {
        match self.comparison {
            Comparison::Less => value < self.bound,
            Comparison::LessOrEqual => value <= self.bound,
            Comparison::Greater => value > self.bound,
            Comparison::GreaterOrEqual => value >= self.bound,
            Comparison::Equal => value == self.bound,
            Comparison::Unequal => value != self.bound,
        }
    }
}

impl FromStr for Condition {
    type Err = Finding;

    fn from_str(text: &str) -> Result<Self, Finding> {
        let wrong = |what: &str| {
            let finding = Finding::new(format!("a gate {what}: `{text}`"));
            finding.expected(
                "SUBJECT COMPARISON NUMBER, with one of < <= > >= == !=; for example 'level1.silhouette < 0.1'",
            )
        };
        let Some(at) = text.find(['<', '>', '=', '!']) else { return Err(wrong("has no comparison")) };
        let (subject, rest) = text.split_at(at);
        let Some((sign, comparison)) = COMPARISONS.into_iter().find(|(sign, _)| rest.starts_with(sign)) else {
            return Err(wrong("has an unknown comparison"));
        };
        let number = rest[sign.len()..].trim();
        let bound = number.replace('_', "").parse().ok().filter(|bound: &f64| bound.is_finite());
        let Some(bound) = bound else { return Err(wrong("does not end in a number").found(format!("`{number}`"))) };
        Ok(Condition { written: text.trim().to_owned(), subject: subject.trim().to_owned(), comparison, bound })
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}
