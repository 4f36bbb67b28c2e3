//! The condition of a gate: a subject, a comparison and a number.

use std::fmt;
use std::str::FromStr;

use crate::base::error::Finding;

/// What must not be.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    written: String,
    /// Left of the comparison.
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

/// Those of two characters first, since they begin with those of one.
const COMPARISONS: [(&str, Comparison); 6] = [
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("==", Comparison::Equal),
    ("!=", Comparison::Unequal),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

impl Condition {
    /// Whether it is so, which fails the gate. NaN compares with nothing, so a figure that is not defined must not get here.
    #[expect(clippy::float_cmp, reason = "that is what == and != ask for")]
    pub(super) fn is_met(&self, figure: f64) -> bool {
        match self.comparison {
            Comparison::Less => figure < self.bound,
            Comparison::LessOrEqual => figure <= self.bound,
            Comparison::Greater => figure > self.bound,
            Comparison::GreaterOrEqual => figure >= self.bound,
            Comparison::Equal => figure == self.bound,
            Comparison::Unequal => figure != self.bound,
        }
    }
}

impl FromStr for Condition {
    type Err = Finding;

    fn from_str(text: &str) -> Result<Self, Finding> {
        let wrong = |what: &str| {
            let finding = Finding::new(format!("a gate {what}: `{text}`"));
            finding.expected("SUBJECT COMPARISON NUMBER, with < <= > >= == or !=, such as 'level1.silhouette < 0.1'")
        };
        let Some(at) = text.find(['<', '>', '=', '!']) else { return Err(wrong("compares nothing")) };
        let (subject, rest) = text.split_at(at);
        let Some((sign, comparison)) = COMPARISONS.into_iter().find(|(sign, _)| rest.starts_with(sign)) else {
            return Err(wrong("has an unknown comparison"));
        };
        let number = rest[sign.len()..].trim();
        let bound = number.replace('_', "").parse().ok().filter(|bound: &f64| bound.is_finite());
        let Some(bound) = bound else { return Err(wrong("ends in no number").found(format!("`{number}`"))) };
        Ok(Condition { written: text.trim().to_owned(), subject: subject.trim().to_owned(), comparison, bound })
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}
