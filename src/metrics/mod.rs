//! The figures: a file per metric, and the list that everything else follows.
//!
//! To add one: write `metrics/x.rs` with a type that implements [`Metric`] and add one line to [`METRICS`]. Columns,
//! `--metrics`, `--rank-by`, help and record follow from the list. A metric sees numbers, never a device.

pub mod agreement;
mod ami;
mod ari;
mod average_inertia;
mod calinski_harabasz;
mod completeness;
mod counts;
mod davies_bouldin;
mod davies_bouldin_means;
mod explained_variance;
pub mod gates;
mod homogeneity;
mod inertia;
mod labelled;
mod largest_share;
pub mod level_statistics;
mod majority_label;
mod max_distance;
mod mean_distance;
mod mean_inertia;
mod misassigned;
mod nearest_cluster;
mod nearest_distance;
mod nmi;
mod parent_inertia_share;
mod parent_points_share;
mod purity;
mod silhouette;
mod silhouette_standard_error;
mod simplified_silhouette;
mod size_entropy;
mod size_gini;
mod v_measure;

use crate::base::error::Finding;
pub(crate) use crate::base::numeric::as_real;
use crate::engine::partials::Sums;
use crate::metrics::level_statistics::LevelStatistics;
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
    &parent_points_share::ParentPointsShare,
    &simplified_silhouette::SimplifiedSilhouette,
    &misassigned::Misassigned,
    &davies_bouldin::DaviesBouldin,
    &nearest_cluster::NearestCluster,
    &nearest_distance::NearestDistance,
    &explained_variance::ExplainedVariance,
    &calinski_harabasz::CalinskiHarabasz,
    &parent_inertia_share::ParentInertiaShare,
    &davies_bouldin_means::DaviesBouldinMeans,
    &silhouette::Silhouette,
    &silhouette_standard_error::SilhouetteStandardError,
    &labelled::LabelledPoints,
    &ari::AdjustedRand,
    &ami::AdjustedMutualInformation,
    &nmi::NormalizedMutualInformation,
    &v_measure::VMeasure,
    &homogeneity::Homogeneity,
    &completeness::Completeness,
    &purity::Purity,
    &majority_label::MajorityLabel,
];

/// Why what compares clusters is not defined.
const TWO_CLUSTERS: &str = "needs two non-empty clusters";

/// What a metric needs beyond the sums of own distances, the cheaper first. Costs are in operations for n points of d
/// columns in K clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// `labels`: what the user says the points are; no distance.
    Labels,
    /// `means`: the clusters' true means and sums around them; a second pass, 5 n d.
    Means,
    /// `neighbours`: pairs of stored centroids; 3 K^2 d.
    Neighbours,
    /// `mean_neighbours`: pairs of means; the means, and 3 K^2 d.
    MeanNeighbours,
    /// `searched`: the nearest centroids of every point; 2 n K d.
    Search,
    /// `silhouette`: the distances between all points; n^2 d.
    Silhouette,
}

/// One figure, per cluster, per level or both. The implementing type's doc comment gives formula, source, unit and
/// degenerate cases.
pub trait Metric: Sync {
    /// Column name and name on the command line.
    fn name(&self) -> &'static str;

    /// One line for help and report.
    fn summary(&self) -> &'static str;

    /// For axes of plots: `distance` and `squared distance` are the embedding's unit and its square. Empty for counts,
    /// shares and ratios.
    fn unit(&self) -> &'static str {
        ""
    }

    /// Which way is good.
    fn better(&self) -> Better;

    /// Counts that no table can do without are there whatever `--metrics` says.
    fn always(&self) -> bool {
        false
    }

    /// What it needs beyond the sums of own distances; nothing for the fast ones.
    fn needs(&self) -> &'static [Need] {
        &[]
    }

    /// The figure of every cluster; `None` for a metric of levels only, and where what it needs was not computed. NaN
    /// where it is not defined.
    fn clusters(&self, _level: &LevelStatistics) -> Option<Column> {
        None
    }

    /// The figure of the level; `None` for a metric of clusters only, and where what it needs was not computed.
    fn level(&self, _level: &LevelStatistics) -> Option<Scalar> {
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

/// One figure per cluster.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// Whole numbers.
    Count(Vec<u64>),
    /// Reals; NaN where the figure is not defined.
    Real(Vec<f64>),
    /// Numbers of clusters or of labels; none where the figure is not defined.
    Index(Vec<Option<u64>>),
    /// Names; none where the figure is not defined.
    Text(Vec<Option<String>>),
}

impl Column {
    /// Number of clusters.
    pub fn len(&self) -> usize {
        match self {
            Column::Count(v) => v.len(),
            Column::Real(v) => v.len(),
            Column::Index(v) => v.len(),
            Column::Text(v) => v.len(),
        }
    }

    /// Whether there is no cluster.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The figure of one cluster as a real; NaN where it is not defined, or is a name.
    pub fn real(&self, cluster: usize) -> f64 {
        match self {
            Column::Count(v) => as_real(v[cluster]),
            Column::Real(v) => v[cluster],
            Column::Index(v) => v[cluster].map_or(f64::NAN, as_real),
            Column::Text(_) => f64::NAN,
        }
    }
}

/// A column of reals that is NaN for empty clusters.
fn of_full(level: &LevelStatistics, figure: impl Fn(&Sums) -> f64) -> Column {
    Column::Real(level.clusters.iter().map(|c| if c.size == 0 { f64::NAN } else { figure(c) }).collect())
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

/// The metrics named by `names`: names of [`METRICS`] (`-` and `_` are the same), `fast` (those that need nothing but the
/// one pass) or `all`; all of them where there are no names.
///
/// # Errors
/// An unknown name, with the nearest known one.
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

/// The metric of clusters that a ranking goes by.
///
/// # Errors
/// A name that is no metric of clusters, with the nearest that is.
pub fn ranked_by(name: &str) -> Result<&'static dyn Metric, Finding> {
    let found = of_clusters().find(|m| m.name() == name);
    found.ok_or_else(|| unknown("figure of clusters", name, of_clusters().map(Metric::name)))
}

/// The names of the metrics that go by the labels of `--labels`.
pub fn of_labels() -> impl Iterator<Item = &'static str> {
    METRICS.iter().filter(|metric| metric.needs().contains(&Need::Labels)).map(|metric| metric.name())
}

/// The metrics that have a figure per level.
pub fn of_levels() -> impl Iterator<Item = &'static dyn Metric> {
    let blank = LevelStatistics::blank();
    METRICS.iter().copied().filter(move |m| m.level(&blank).is_some())
}

/// The metrics that have a figure per cluster.
pub fn of_clusters() -> impl Iterator<Item = &'static dyn Metric> {
    let blank = LevelStatistics::blank();
    METRICS.iter().copied().filter(move |m| m.clusters(&blank).is_some())
}

/// Whether a column of clusters tells how much there is of something, and not which cluster is meant.
pub fn is_amount(column: &str) -> bool {
    let blank = LevelStatistics::blank();
    let known = METRICS.iter().find(|metric| metric.name() == column);
    known.is_some_and(|metric| !matches!(metric.clusters(&blank), Some(Column::Index(_))))
}

/// "unknown X", with the nearest of the known names.
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

#[cfg(test)]
mod tests;
