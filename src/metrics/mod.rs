//! The figures: a file per metric, and the list that everything else follows.
//!
//! To add one: write `metrics/x.rs` with a type that implements [`Metric`] and add one line to [`METRICS`]. Columns,
//! `--metrics`, `--rank-by`, help and record follow from the list. A metric sees numbers, never a device.

mod average_inertia;
mod counts;
mod inertia;
mod largest_share;
mod max_distance;
mod mean_distance;
mod mean_inertia;
mod size_entropy;
mod size_gini;

use crate::error::Finding;
use crate::partials::Sums;
use serde::{Deserialize, Serialize};

/// Every metric, in the order of the columns.
pub static METRICS: &[&dyn Metric] = &[
    &counts::Points,
    &counts::Clusters,
    &counts::EmptyClusters,
    &counts::Size,
    &inertia::Inertia,
    &average_inertia::AverageInertia,
    &mean_inertia::MeanInertia,
    &mean_distance::MeanDistance,
    &max_distance::MaxDistance,
    &size_entropy::SizeEntropy,
    &size_gini::SizeGini,
    &largest_share::LargestShare,
];

/// One figure, per cluster, per level or both. The implementing type's doc comment gives formula, source, unit and
/// degenerate cases.
pub trait Metric: Sync {
    /// Column name and name on the command line.
    fn name(&self) -> &'static str;

    /// One line for help and report, with the unit.
    fn summary(&self) -> &'static str;

    /// Which way is good.
    fn better(&self) -> Better;

    /// Counts that no table can do without are there whatever `--metrics` says.
    fn always(&self) -> bool {
        false
    }

    /// The figure of every cluster; `None` for a metric of levels only. NaN where it is not defined.
    fn clusters(&self, _level: &LevelSums<'_>) -> Option<Column> {
        None
    }

    /// The figure of the level; `None` for a metric of clusters only.
    fn level(&self, _level: &LevelSums<'_>) -> Option<Scalar> {
        None
    }
}

/// Which way of a figure is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Smaller is better.
    Lower,
    /// Larger is better.
    Higher,
    /// Neither; ranked smallest first.
    Neither,
}

/// What is known of one level once all points are in.
#[derive(Debug, Clone, Copy)]
pub struct LevelSums<'a> {
    /// 1-based number of the level.
    pub number: u32,
    /// The sums of every cluster.
    pub clusters: &'a [Sums],
}

impl LevelSums<'_> {
    /// Points that have a label: n.
    pub fn points(&self) -> u64 {
        self.clusters.iter().map(|c| c.size).sum()
    }

    /// Sizes of the non-empty clusters.
    pub fn sizes(&self) -> impl Iterator<Item = u64> {
        self.clusters.iter().map(|c| c.size).filter(|&size| size > 0)
    }

    /// Sum of the clusters' inertia.
    pub fn inertia(&self) -> f64 {
        self.clusters.iter().map(|c| c.inertia).sum()
    }

    /// A column of reals that is NaN for empty clusters.
    pub fn of_points(&self, figure: impl Fn(&Sums) -> f64) -> Column {
        Column::Real(self.clusters.iter().map(|c| if c.size == 0 { f64::NAN } else { figure(c) }).collect())
    }
}

/// One figure per cluster.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// Whole numbers.
    Count(Vec<u64>),
    /// Reals; NaN where the figure is not defined.
    Real(Vec<f64>),
}

impl Column {
    /// Number of clusters.
    pub fn len(&self) -> usize {
        match self {
            Column::Count(v) => v.len(),
            Column::Real(v) => v.len(),
        }
    }

    /// Whether there is no cluster.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The figure of one cluster as a real; NaN where it is not defined.
    pub fn real(&self, cluster: usize) -> f64 {
        match self {
            Column::Count(v) => as_real(v[cluster]),
            Column::Real(v) => v[cluster],
        }
    }
}

/// The figure of a level.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// A whole number.
    Count(u64),
    /// A real.
    Real(f64),
    /// Not defined here, and why.
    Undefined(&'static str),
}

/// A count as a real; exact below 2^53, and no data set has more points.
#[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
pub(crate) fn as_real(count: u64) -> f64 {
    count as f64
}

/// The metrics named by `names`: names of [`METRICS`] (`-` and `_` are the same), `fast` or `all`.
///
/// # Errors
/// An unknown name, with the nearest known one.
pub fn select(names: &[String]) -> Result<Vec<&'static dyn Metric>, Finding> {
    let wanted: Vec<String> = names.iter().map(|n| n.trim().replace('-', "_")).collect();
    let every = wanted.is_empty() || wanted.iter().any(|n| n == "all" || n == "fast");
    for name in wanted.iter().filter(|n| !matches!(n.as_str(), "all" | "fast")) {
        if !METRICS.iter().any(|m| m.name() == name) {
            return Err(unknown("metric", name, METRICS.iter().map(|m| m.name())));
        }
    }
    let keep = |m: &&&dyn Metric| every || m.always() || wanted.iter().any(|n| n == m.name());
    Ok(METRICS.iter().filter(keep).copied().collect())
}

/// The metric of clusters that a ranking goes by.
///
/// # Errors
/// A name that is no metric of clusters, with the nearest that is.
pub fn ranked_by(name: &str) -> Result<&'static dyn Metric, Finding> {
    let one = LevelSums { number: 1, clusters: &[Sums::IDENTITY] };
    let of_clusters = || METRICS.iter().copied().filter(|m| m.clusters(&one).is_some());
    let found = of_clusters().find(|m| m.name() == name);
    found.ok_or_else(|| unknown("figure of clusters", name, of_clusters().map(Metric::name)))
}

/// "unknown X", with the nearest of the known names.
pub(crate) fn unknown<'a>(kind: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Finding {
    let known: Vec<&str> = known.collect();
    let distance = |k: &&&str| strsim::damerau_levenshtein(k, name);
    let hint = match known.iter().min_by_key(distance) {
        Some(nearest) if distance(&nearest) <= 2 + nearest.len() / 3 => format!("did you mean `{nearest}`?"),
        _ => format!("one of: {}", known.join(", ")),
    };
    Finding::new(format!("unknown {kind} `{name}`")).hint(hint)
}

#[cfg(test)]
mod tests;
