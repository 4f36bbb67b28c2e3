//! Which run is better, on which levels, and by which metrics.
//!
//! Metrics of quality decide: those of distances, and those that go by classes. A metric does not count if its values can't be
//! compared: distances in different data, a metric that moves with the number of clusters if that differs. How even the
//! cluster sizes are is said, but decides nothing.

use serde::Serialize;
use serde_json::Value;

use super::data::SameData;
use super::metric_changes::{MetricChange, Outcome};
use crate::report::metric_text::readable;

/// Metrics of the sizes of clusters; the first that both runs have says how even they are.
const SIZES: [&str; 4] = ["size_entropy", "size_gini", "largest_share", "empty_clusters"];
/// Metrics that go by classes.
const CLASSES: [&str; 7] = ["ari", "ami", "nmi", "v_measure", "homogeneity", "completeness", "purity"];
/// Metrics that more clusters alone make better or worse.
const FOLLOW_K: [&str; 8] =
    ["inertia", "average_inertia", "explained_variance", "nmi", "v_measure", "homogeneity", "completeness", "purity"];
/// Sums over points.
const SUMS: [&str; 3] = ["inertia", "average_inertia", "misassigned"];
/// Metrics that say nothing of their own: the error of another, and two that are equal to others up to a factor.
const SILENT: [&str; 3] = ["silhouette_standard_error", "average_inertia", "v_measure"];

/// Which run is better.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Judgement {
    /// In one sentence.
    pub text: String,
    /// Level by level.
    pub levels: Vec<LevelJudgement>,
}

/// Which run is better on a level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LevelJudgement {
    /// 1-based.
    pub level: u32,
    /// What the metrics that count say.
    pub decision: Decision,
    /// In words.
    pub text: String,
    /// Metrics by which B is better.
    pub better: Vec<String>,
    /// Metrics by which B is worse.
    pub worse: Vec<String>,
    /// Metrics that differ by no more than noise.
    pub same: Vec<String>,
    /// Whether the sizes of the clusters of B are more even; `None` if that is not known.
    pub sizes: Option<Outcome>,
    /// Metrics that both runs have and that don't count.
    pub left_out: Vec<LeftOut>,
}

/// What the metrics of a level that count say of B.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Decision {
    /// Better by at least one, and worse by none.
    #[serde(rename = "better")]
    Better,
    /// Better by most of those that differ.
    #[serde(rename = "mostly better")]
    MostlyBetter,
    /// Worse by at least one, and better by none.
    #[serde(rename = "worse")]
    Worse,
    /// Worse by most of those that differ.
    #[serde(rename = "mostly worse")]
    MostlyWorse,
    /// The same by all.
    #[serde(rename = "same")]
    Same,
    /// Better by some and worse by others.
    #[serde(rename = "mixed")]
    Mixed,
    /// No metric counts.
    #[serde(rename = "open")]
    Open,
}

/// Metrics that don't count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Why not.
    pub why: String,
    /// Their names.
    pub metrics: Vec<String>,
}

impl Decision {
    /// By the numbers of metrics by which B is better, worse and the same. Most of them are at least three of four.
    fn of(better: usize, worse: usize, same: usize) -> Decision {
        match (better, worse, same) {
            (0, 0, 0) => Decision::Open,
            (0, 0, _) => Decision::Same,
            (_, 0, _) => Decision::Better,
            (0, _, _) => Decision::Worse,
            _ if better >= 3 * worse => Decision::MostlyBetter,
            _ if worse >= 3 * better => Decision::MostlyWorse,
            _ => Decision::Mixed,
        }
    }
}

impl Judgement {
    /// Judges all levels, given by their numbers and metrics.
    pub(super) fn of<'a>(levels: impl Iterator<Item = (u32, &'a [MetricChange])>, data: &SameData) -> Judgement {
        let levels: Vec<LevelJudgement> =
            levels.map(|(level, changes)| LevelJudgement::of(level, changes, data)).collect();
        Judgement { text: sentence(&levels, data), levels }
    }
}

impl LevelJudgement {
    fn of(level: u32, changes: &[MetricChange], data: &SameData) -> LevelJudgement {
        let mut judged = LevelJudgement {
            level,
            decision: Decision::Open,
            text: String::new(),
            better: Vec::new(),
            worse: Vec::new(),
            same: Vec::new(),
            sizes: sizes(changes, data),
            left_out: Vec::new(),
        };
        for change in changes {
            let name = change.name.as_str();
            let Some(outcome) = change.outcome.filter(|_| !SILENT.contains(&name) && !SIZES.contains(&name)) else {
                continue;
            };
            if let Some(why) = why_left_out(name, changes, data) {
                match judged.left_out.iter_mut().find(|left| left.why == why) {
                    Some(left) => left.metrics.push(name.to_owned()),
                    None => judged.left_out.push(LeftOut { why, metrics: vec![name.to_owned()] }),
                }
                continue;
            }
            let list = match outcome {
                Outcome::Better => &mut judged.better,
                Outcome::Worse => &mut judged.worse,
                Outcome::Same => &mut judged.same,
            };
            list.push(name.to_owned());
        }
        judged.decision = Decision::of(judged.better.len(), judged.worse.len(), judged.same.len());
        judged.text = judged.in_words();
        judged
    }

    fn in_words(&self) -> String {
        let mut text = format!("level {}: ", self.level);
        match self.decision {
            Decision::Open => text += "no metric counts.",
            Decision::Same if self.same.len() > 3 => {
                text += &format!("A and B are the same by all {} metrics that count.", self.same.len());
            }
            Decision::Same => text += &format!("A and B are the same by {}.", list(&self.same)),
            _ => {
                let lists = [("better", &self.better), ("worse", &self.worse), ("the same", &self.same)];
                let by = lists.into_iter().filter(|(_, names)| !names.is_empty());
                let parts: Vec<String> = by.map(|(what, names)| format!("{what} by {}", list(names))).collect();
                text += &format!("B is {}.", parts.join("; "));
            }
        }
        match self.sizes {
            Some(Outcome::Better) => text += " The clusters of B are more even in size.",
            Some(Outcome::Worse) => text += " The clusters of B are less even in size.",
            Some(Outcome::Same) | None => {}
        }
        for left in &self.left_out {
            text += &format!(" Not counted: {} ({}).", list(&left.metrics), left.why);
        }
        text
    }
}

/// Why a metric does not count, if so.
fn why_left_out(name: &str, changes: &[MetricChange], data: &SameData) -> Option<String> {
    let is_class = CLASSES.contains(&name);
    if !data.rows {
        return Some("the runs have different rows".to_owned());
    }
    if data.embeddings == Some(false) && !is_class {
        return Some("distances in different data".to_owned());
    }
    if data.classes == Some(false) && is_class {
        return Some("different classes".to_owned());
    }
    let counts = |name: &str| {
        let change = changes.iter().find(|change| change.name == name)?;
        let [a, b] = [&change.a, &change.b].map(Value::as_u64);
        a.zip(b).filter(|(a, b)| a != b)
    };
    if let Some((a, b)) = counts("clusters").filter(|_| FOLLOW_K.contains(&name)) {
        return Some(format!("moved by the number of clusters, {a} in A and {b} in B"));
    }
    if let Some((a, b)) = counts("points").filter(|_| SUMS.contains(&name)) {
        return Some(format!("sums over different points, {a} in A and {b} in B"));
    }
    None
}

/// Whether B is more even in size.
fn sizes(changes: &[MetricChange], data: &SameData) -> Option<Outcome> {
    let known = |name: &&str| changes.iter().find(|change| change.name == **name)?.outcome;
    data.rows.then(|| SIZES.iter().find_map(known)).flatten()
}

/// All levels in one sentence.
fn sentence(levels: &[LevelJudgement], data: &SameData) -> String {
    let mut parts = Vec::new();
    for (decision, words) in [
        (Decision::Better, "B is better on"),
        (Decision::MostlyBetter, "B is better by most metrics on"),
        (Decision::Worse, "A is better on"),
        (Decision::MostlyWorse, "A is better by most metrics on"),
        (Decision::Mixed, "the metrics disagree on"),
        (Decision::Same, "A and B are the same, within noise, on"),
        (Decision::Open, "no metric says which is better on"),
    ] {
        let of_decision = levels.iter().filter(|level| level.decision == decision);
        let which: Vec<String> = of_decision.map(|level| level.level.to_string()).collect();
        match which.as_slice() {
            [] => {}
            all if all.len() == levels.len() && decision == Decision::Open => {
                parts.push("no metric says which is better".to_owned());
            }
            [one] => parts.push(format!("{words} level {one}")),
            all if all.len() == levels.len() => parts.push(format!("{words} every level ({})", joined(all))),
            several => parts.push(format!("{words} levels {}", joined(several))),
        }
    }
    let known = match data.embeddings {
        Some(true) => "",
        Some(false) => "the runs judged different data: ",
        None => "if both judged the same data, ",
    };
    let text = format!("{known}{}.", parts.join("; "));
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default() + letters.as_str()
}

fn list(names: &[String]) -> String {
    joined(&names.iter().map(|name| readable(name)).collect::<Vec<_>>())
}

/// `a`, `a and b`, `a, b and c`
fn joined(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
