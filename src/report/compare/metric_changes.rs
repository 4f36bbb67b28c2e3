//! The figures of a level, and which of them got better.

use std::cmp::Ordering;

use serde::Serialize;
use serde_json::Value;

use crate::metrics::Better;
use crate::plan::record::{Level, MetricInfo};

/// One figure of a level in both runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FigureChange {
    /// Column name.
    pub name: String,
    /// Which way is good.
    pub better: Better,
    /// In the first run; null where it is not defined or was not computed.
    pub a: Value,
    /// In the second.
    pub b: Value,
    /// b - a, where both are defined.
    pub difference: Option<f64>,
    /// What that means, where both are defined and one way is good.
    pub outcome: Option<Outcome>,
    /// Why a figure is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undefined: Option<String>,
}

/// What a difference means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// B is better than A.
    Better,
    /// B is worse than A.
    Worse,
    /// Not a bit differs.
    Same,
}

impl Outcome {
    /// Of the second figure less the first; none where neither way is good.
    pub fn of(better: Better, difference: f64) -> Option<Outcome> {
        let good = match better {
            Better::Lower => Ordering::Less,
            Better::Higher => Ordering::Greater,
            Better::Neither => return None,
        };
        match difference.partial_cmp(&0.0)? {
            Ordering::Equal => Some(Outcome::Same),
            way if way == good => Some(Outcome::Better),
            _ => Some(Outcome::Worse),
        }
    }

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Better => "better",
            Outcome::Worse => "worse",
            Outcome::Same => "same",
        }
    }
}

/// Every figure that one of the levels has, in the order of the first run's.
pub(super) fn changes(a: &Level, b: &Level, of_a: &[MetricInfo], of_b: &[MetricInfo]) -> Vec<FigureChange> {
    let only_b = of_b.iter().filter(|metric| !of_a.iter().any(|other| other.name == metric.name));
    let there = |metric: &&MetricInfo| [a, b].into_iter().any(|level| level.figures.contains_key(&metric.name));
    of_a.iter().chain(only_b).filter(there).map(|metric| change(metric, a, b)).collect()
}

fn change(metric: &MetricInfo, a: &Level, b: &Level) -> FigureChange {
    let figure = |level: &Level| level.figures.get(&metric.name).cloned().unwrap_or_default();
    let why = |side: &str, level: &Level| match (level.figures.get(&metric.name), level.undefined.get(&metric.name)) {
        (None, _) => Some(format!("not computed in {side}")),
        (Some(Value::Null), None) => Some(format!("not defined in {side}")),
        (Some(Value::Null), Some(why)) => Some(format!("{side}: {why}")),
        _ => None,
    };
    let reasons: Vec<String> = why("A", a).into_iter().chain(why("B", b)).collect();
    let (value_a, value_b) = (figure(a), figure(b));
    let difference = value_a.as_f64().zip(value_b.as_f64()).map(|(a, b)| b - a);
    FigureChange {
        name: metric.name.clone(),
        better: metric.better,
        a: value_a,
        b: value_b,
        difference,
        outcome: difference.and_then(|difference| Outcome::of(metric.better, difference)),
        undefined: (!reasons.is_empty()).then(|| reasons.join("; ")),
    }
}
