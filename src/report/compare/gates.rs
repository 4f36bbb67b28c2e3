//! Gates: conditions that fail a comparison.
//!
//! ```text
//! SUBJECT = (a | b | delta) . LEVELS . METRIC    a metric of A, of B, or B - A
//!         | (ari | ami | nmi | v_measure) . LEVELS    agreement between the clusterings
//! ```

use std::str::FromStr;

use super::between::MEASURES;
use super::comparison::{Comparison, LevelComparison};
use super::metric_changes::MetricChange;
use super::pair::Pair;
use crate::base::error::{Finding, Findings, Result};
use crate::metrics::gates::{Condition, Levels, Verdict, level_metric};
use crate::metrics::unknown;

/// A gate of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    condition: Condition,
    levels: Levels,
    /// The value it compares.
    pub subject: Subject,
}

/// The value that a gate compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A metric of A.
    A(&'static str),
    /// A metric of B.
    B(&'static str),
    /// A metric of B minus that of A.
    Delta(&'static str),
    /// A measure of agreement between the clusterings, as an index into their list.
    Between(usize),
}

impl Gate {
    /// Parses gates, and checks that the runs have their levels and metrics.
    ///
    /// # Errors
    /// `Usage`, with all findings.
    pub fn read(written: &[String], pair: &Pair) -> Result<Vec<Gate>> {
        let mut findings = Findings::new();
        let mut gates = Vec::new();
        for text in written {
            match text.parse::<Gate>().and_then(|gate| gate.check(pair).map(|()| gate)) {
                Ok(gate) => gates.push(gate),
                Err(wrong) => findings.push_usage(wrong),
            }
        }
        findings.into_result().map(|()| gates)
    }

    fn check(&self, pair: &Pair) -> Result<(), Finding> {
        self.levels.check(&pair.levels).map_err(|wrong| wrong.found(format!("`{}`", self.condition)))?;
        let (a, b) = (&pair.a.metrics, &pair.b.metrics);
        let sides = match self.subject {
            Subject::A(metric) => vec![("A", a, metric)],
            Subject::B(metric) => vec![("B", b, metric)],
            Subject::Delta(metric) => vec![("A", a, metric), ("B", b, metric)],
            Subject::Between(_) => Vec::new(),
        };
        for (side, there, metric) in sides {
            if !there.iter().any(|info| info.name == metric) {
                let finding = Finding::new(format!("a gate names `{metric}`, which run {side} does not have"));
                let names: Vec<&str> = there.iter().map(|metric| metric.name.as_str()).collect();
                return Err(finding
                    .found(format!("`{}`", self.condition))
                    .expected(format!("one of {}", names.join(", "))));
            }
        }
        Ok(())
    }

    /// Whether it needs the agreement between the clusterings.
    pub fn is_between(&self) -> bool {
        matches!(self.subject, Subject::Between(_))
    }

    /// Evaluates the gate.
    pub fn judge(&self, comparison: &Comparison) -> Verdict {
        let known: Vec<u32> = comparison.levels.iter().map(|level| level.level).collect();
        Verdict::of(&self.condition, &self.levels, &known, |number| {
            let level = comparison.levels.iter().find(|level| level.level == number);
            let level = level.ok_or_else(|| format!("level {number} is not in both runs"))?;
            self.value(level, comparison.apart.as_deref())
        })
    }

    fn value(&self, level: &LevelComparison, apart: Option<&str>) -> Result<f64, String> {
        let change = |name: &str| {
            let change = level.metrics.iter().find(|change| change.name == name);
            change.ok_or_else(|| "not among the metrics of the runs".to_owned())
        };
        let why = |change: &MetricChange| change.undefined.clone().unwrap_or_else(|| "not a number".to_owned());
        match self.subject {
            Subject::A(name) => change(name).and_then(|change| change.a.as_f64().ok_or_else(|| why(change))),
            Subject::B(name) => change(name).and_then(|change| change.b.as_f64().ok_or_else(|| why(change))),
            Subject::Delta(name) => change(name).and_then(|change| change.difference.ok_or_else(|| why(change))),
            Subject::Between(measure) => {
                let why = || apart.unwrap_or("no row has a cluster in both runs").to_owned();
                level.between.map(|between| between.values()[measure]).ok_or_else(why)
            }
        }
    }
}

impl FromStr for Gate {
    type Err = Finding;

    fn from_str(text: &str) -> Result<Self, Finding> {
        let condition: Condition = text.parse()?;
        let (first, rest) = condition.subject.split_once('.').unwrap_or((&condition.subject, ""));
        let first = first.trim().replace('-', "_");
        let side: Option<fn(&'static str) -> Subject> = match first.as_str() {
            "a" => Some(Subject::A),
            "b" => Some(Subject::B),
            "delta" => Some(Subject::Delta),
            _ => None,
        };
        let (levels, subject) = if let Some(of) = side {
            let Some((levels, metric)) = rest.split_once('.') else {
                let finding = Finding::new(format!("the gate names no metric of a level: `{text}`"));
                return Err(finding.expected("such as 'delta.level1.silhouette < -0.02'"));
            };
            (levels, of(level_metric(metric)?))
        } else if let Some(measure) = MEASURES.iter().position(|measure| *measure == first) {
            (rest, Subject::Between(measure))
        } else {
            let known = ["a", "b", "delta"].into_iter().chain(MEASURES);
            let finding = unknown("subject of a gate", &first, known);
            return Err(finding
                .expected("such as 'delta.level1.silhouette < -0.02' or 'ari.level1 < 0.8'")
                .found(format!("`{text}`")));
        };
        let levels = levels.parse().map_err(|wrong: Finding| wrong.found(format!("`{text}`")))?;
        Ok(Gate { condition, levels, subject })
    }
}
