//! Finding metrics by name and by kind.

use super::METRICS;
use super::level_statistics::LevelStatistics;
use super::metric::{Column, Metric, Need};
use crate::base::error::Finding;

/// Metrics selected by `names`: names in [`METRICS`] (`-` and `_` are equivalent), `fast` (metrics that need only the first
/// pass) or `all`. Without names, all of them.
///
/// # Errors
/// An unknown name; the finding suggests the nearest known one.
pub fn select(names: &[String]) -> Result<Vec<&'static dyn Metric>, Finding> {
    let wanted: Vec<String> = names.iter().map(|n| n.trim().replace('-', "_")).collect();
    let named = |name: &str| wanted.iter().any(|n| n == name);
    for name in wanted.iter().filter(|n| !matches!(n.as_str(), "all" | "fast")) {
        if !METRICS.iter().any(|m| m.name() == name) {
            return Err(unknown("metric", name, METRICS.iter().map(|m| m.name())));
        }
    }
    let every = wanted.is_empty() || named("all");
    let keep = |m: &&&dyn Metric| every || m.always() || named(m.name()) || (named("fast") && m.needs().is_empty());
    Ok(METRICS.iter().filter(keep).copied().collect())
}

/// The per-cluster metric to rank by.
///
/// # Errors
/// The name of no per-cluster metric; the finding suggests the nearest one.
pub fn ranked_by(name: &str) -> Result<&'static dyn Metric, Finding> {
    let found = of_clusters().find(|m| m.name() == name);
    found.ok_or_else(|| unknown("per-cluster metric", name, of_clusters().map(Metric::name)))
}

/// What clusters are ranked by if nothing better is computed: it costs no further pass. Inertia would rank them by size.
pub const LAST_RANKING: &str = "mean_inertia";

/// The metric that clusters are ranked by unless the user names one: the first of silhouette, simplified silhouette and
/// [`LAST_RANKING`] among the `computed` ones. The silhouette counts only if it is `exact`: a sample may miss clusters.
pub fn default_ranking(computed: &[&'static dyn Metric], exact: bool) -> &'static str {
    let silhouettes = ["silhouette", "simplified_silhouette"].into_iter().skip(usize::from(!exact));
    let is_computed = |name: &&str| computed.iter().any(|metric| metric.name() == *name);
    silhouettes.into_iter().find(is_computed).unwrap_or(LAST_RANKING)
}

/// Names of the metrics that need `--labels`.
pub fn of_labels() -> impl Iterator<Item = &'static str> {
    METRICS.iter().filter(|metric| metric.needs().contains(&Need::Labels)).map(|metric| metric.name())
}

/// Whether a metric of this name needs normalised rows.
pub fn of_cosines(name: &str) -> bool {
    METRICS.iter().any(|metric| metric.name() == name && metric.needs().contains(&Need::Cosine))
}

/// Metrics with a value per level.
pub fn of_levels() -> impl Iterator<Item = &'static dyn Metric> {
    let blank = LevelStatistics::blank();
    METRICS.iter().copied().filter(move |m| m.level(&blank).is_some())
}

/// Metrics with a value per cluster.
pub fn of_clusters() -> impl Iterator<Item = &'static dyn Metric> {
    let blank = LevelStatistics::blank();
    METRICS.iter().copied().filter(move |m| m.clusters(&blank).is_some())
}

/// Whether a per-cluster column holds amounts, as opposed to indices or labels.
pub fn is_amount(column: &str) -> bool {
    let blank = LevelStatistics::blank();
    let known = METRICS.iter().find(|metric| metric.name() == column);
    known.is_some_and(|metric| !matches!(metric.clusters(&blank), Some(Column::Index(_))))
}

/// The finding "unknown KIND `NAME`", with the nearest known name as a hint.
pub(crate) fn unknown<'a>(kind: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Finding {
    let known: Vec<&str> = known.collect();
    let distance = |k: &&&str| strsim::damerau_levenshtein(k, name);
    let hint = match known.iter().min_by_key(distance) {
        Some(nearest) if distance(&nearest) <= 1 + nearest.len().min(name.len()) / 3 => {
            format!("did you mean `{nearest}`?")
        }
        _ => format!("one of: {}", known.join(", ")),
    };
    Finding::new(format!("unknown {kind} `{name}`")).hint(hint)
}
