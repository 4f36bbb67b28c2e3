//! What a metric is: its name, what it needs, and its values per cluster and per level.

use serde::{Deserialize, Serialize};

use super::level_statistics::LevelStatistics;
use crate::base::numeric::as_real;
use crate::base::scale::Scale;
use crate::engine::partials::Sums;

/// Why a metric that compares clusters is undefined.
pub(crate) const TWO_CLUSTERS: &str = "needs two non-empty clusters";

/// Why a metric without a finite value is undefined.
pub(crate) const OVERFLOWS: &str = "overflows float64: distances beyond 1e154 have squares that it can't represent";

/// Why a metric is undefined if it isn't 0 but float64 rounds it to 0.
pub(crate) const UNDERFLOWS: &str = "underflows float64: distances below 1e-162 have squares that it can't represent";

/// What a metric needs beyond the sums of own distances, cheapest first. Costs are in operations, for n points of
/// dimension d in K clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// `labels`: the user's labels; no distances.
    Labels,
    /// `means`: the true cluster means, and sums around them; a second pass, 5 n d.
    Means,
    /// `neighbours`: distances between stored centroids; 3 K^2 d.
    Neighbours,
    /// `mean_neighbours`: distances between means; 3 K^2 d, beyond the means.
    MeanNeighbours,
    /// `searched`: the top-2 search, for the nearest two centroids of every point; 2 n K d.
    Search,
    /// `cosine`: the top-2 search among the true means, for points of norm 1; 2 n K d.
    Cosine,
    /// `silhouette`: distances between all points; n^2 d.
    Silhouette,
}

/// A metric, per cluster, per level or both. The doc comment of the implementing type gives formula, source, unit and
/// degenerate cases.
pub trait Metric: Sync {
    /// Name of the column, and on the command line.
    fn name(&self) -> &'static str;

    /// One line for help texts and the report.
    fn summary(&self) -> &'static str;

    /// Unit of its values.
    fn unit(&self) -> Unit {
        Unit::None
    }

    /// Whether lower or higher values are better.
    fn better(&self) -> Better;

    /// Whether it is computed whatever `--metrics` says: basic counts that every table needs.
    fn always(&self) -> bool {
        false
    }

    /// What it needs beyond the sums of own distances; empty for fast metrics.
    fn needs(&self) -> &'static [Need] {
        &[]
    }

    /// Value for every cluster; `None` if the metric is per level only, or if its needs were not computed. NaN where
    /// undefined.
    fn clusters(&self, _level: &LevelStatistics) -> Option<Column> {
        None
    }

    /// Value for the level; `None` if the metric is per cluster only, or if its needs were not computed.
    fn level(&self, _level: &LevelStatistics) -> Option<Scalar> {
        None
    }
}

/// Unit of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Counts, shares and ratios.
    None,
    /// The unit of the embeddings.
    Distance,
    /// Its square.
    SquaredDistance,
}

impl Unit {
    /// Its name, for the axes of plots; empty for none.
    pub fn name(self) -> &'static str {
        match self {
            Unit::None => "",
            Unit::Distance => "distance",
            Unit::SquaredDistance => "squared distance",
        }
    }

    /// Converts a value that was computed from rows divided by `scale` to the unit of the embeddings.
    ///
    /// # Errors
    /// The reason if float64 can't hold the result.
    pub(crate) fn restore(self, value: f64, scale: Scale) -> Result<f64, &'static str> {
        let restored = match self {
            Unit::None => value,
            Unit::Distance => scale.distance(value),
            Unit::SquaredDistance => scale.squared_distance(value),
        };
        match restored.is_finite() {
            false => Err(OVERFLOWS),
            // a reader must not mistake it for that of a perfect clustering
            true if restored == 0.0 && value != 0.0 => Err(UNDERFLOWS),
            true => Ok(restored),
        }
    }
}

/// Whether lower or higher values of a metric are better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Smaller is better.
    Lower,
    /// Larger is better.
    Higher,
    /// Neither; ranked in ascending order.
    Neither,
}

/// Values of a metric, one per cluster.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// Integers.
    Count(Vec<u64>),
    /// Real numbers; NaN where undefined.
    Real(Vec<f64>),
    /// Indices of clusters, or integer labels; `None` where undefined.
    Index(Vec<Option<u64>>),
    /// Text labels; `None` where undefined.
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

    /// Converts a column that was computed from rows divided by `scale` to the unit of the embeddings; NaN where float64
    /// can't hold a value.
    pub(crate) fn restored(self, unit: Unit, scale: Scale) -> Column {
        match self {
            Column::Real(values) if scale != Scale::ONE => {
                let restored = |value| unit.restore(value, scale).unwrap_or(f64::NAN);
                Column::Real(values.into_iter().map(restored).collect())
            }
            column => column,
        }
    }

    /// Whether there are no clusters.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Value of one cluster as a real number; NaN if it is undefined or text.
    pub fn real(&self, cluster: usize) -> f64 {
        match self {
            Column::Count(v) => as_real(v[cluster]),
            Column::Real(v) => v[cluster],
            Column::Index(v) => v[cluster].map_or(f64::NAN, as_real),
            Column::Text(_) => f64::NAN,
        }
    }
}

/// A real column: `value` of each non-empty cluster, NaN for empty ones.
pub(crate) fn of_nonempty(level: &LevelStatistics, value: impl Fn(&Sums) -> f64) -> Column {
    Column::Real(level.clusters.iter().map(|c| if c.size == 0 { f64::NAN } else { value(c) }).collect())
}

/// Value of a metric for a level.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// An integer.
    Count(u64),
    /// A real number.
    Real(f64),
    /// Undefined for this level, and why.
    Undefined(&'static str),
}
