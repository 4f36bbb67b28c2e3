//! The metrics of a level, and which of them improved.

use std::cmp::Ordering;

use serde::Serialize;
use serde_json::Value;

use super::noise;
use crate::metrics::Better;
use crate::plan::record::{Level, MetricInfo};

/// One metric of a level in both runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricChange {
    /// Column name.
    pub name: String,
    /// Which direction is better.
    pub better: Better,
    /// Value in A; null if it is not defined or was not computed.
    pub a: Value,
    /// Value in B, likewise.
    pub b: Value,
    /// b - a, if both are defined.
    pub difference: Option<f64>,
    /// The difference divided by |a|, unless a is 0.
    pub relative: Option<f64>,
    /// Largest difference that says nothing, if both are defined: rounding, or the error of a sample.
    pub noise: Option<f64>,
    /// Whether the difference is an improvement, if both are defined and one direction is better.
    pub outcome: Option<Outcome>,
    /// Why a value is null.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undefined: Option<String>,
}

/// Whether a difference is an improvement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// B is better than A.
    Better,
    /// B is worse than A.
    Worse,
    /// A and B differ by no more than noise.
    Same,
}

impl Outcome {
    /// The outcome of a difference B - A, of which `noise` says nothing; `None` if neither direction is better, or for NaN.
    pub fn of(better: Better, difference: f64, noise: f64) -> Option<Outcome> {
        let good = match better {
            Better::Lower => Ordering::Less,
            Better::Higher => Ordering::Greater,
            Better::Neither => return None,
        };
        match difference.partial_cmp(&0.0)? {
            _ if difference.abs() <= noise => Some(Outcome::Same),
            Ordering::Equal => Some(Outcome::Same),
            direction if direction == good => Some(Outcome::Better),
            _ => Some(Outcome::Worse),
        }
    }

    /// As printed and as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Better => "better",
            Outcome::Worse => "worse",
            Outcome::Same => "same",
        }
    }
}

/// Every metric that at least one of the levels has, in the order of A.
pub(super) fn changes(a: &Level, b: &Level, of_a: &[MetricInfo], of_b: &[MetricInfo]) -> Vec<MetricChange> {
    let only_b = of_b.iter().filter(|metric| !of_a.iter().any(|other| other.name == metric.name));
    let there = |metric: &&MetricInfo| [a, b].into_iter().any(|level| level.figures.contains_key(&metric.name));
    of_a.iter().chain(only_b).filter(there).map(|metric| change(metric, a, b)).collect()
}

fn change(metric: &MetricInfo, a: &Level, b: &Level) -> MetricChange {
    let value = |level: &Level| level.figures.get(&metric.name).cloned().unwrap_or_default();
    let why = |side: &str, level: &Level| match (level.figures.get(&metric.name), level.undefined.get(&metric.name)) {
        (None, _) => Some(format!("not computed in {side}")),
        (Some(Value::Null), None) => Some(format!("not defined in {side}")),
        (Some(Value::Null), Some(why)) => Some(format!("{side}: {why}")),
        _ => None,
    };
    let reasons: Vec<String> = why("A", a).into_iter().chain(why("B", b)).collect();
    let (value_a, value_b) = (value(a), value(b));
    let both = value_a.as_f64().zip(value_b.as_f64());
    let difference = both.map(|(a, b)| b - a);
    let relative = both.filter(|(a, _)| *a != 0.0).map(|(a, b)| (b - a) / a.abs());
    let noise = both.map(|_| noise::of_levels(metric, a, b));
    MetricChange {
        name: metric.name.clone(),
        better: metric.better,
        a: value_a,
        b: value_b,
        difference,
        relative,
        noise,
        outcome: difference.zip(noise).and_then(|(by, noise)| Outcome::of(metric.better, by, noise)),
        undefined: (!reasons.is_empty()).then(|| reasons.join("; ")),
    }
}
