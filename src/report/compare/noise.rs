//! How large a difference must be to say anything.

use serde_json::Value;

use crate::metrics::{Column, Metric};
use crate::plan::record::{Level, MetricInfo};

/// What sums and means agree to, relative, on every device (docs/metrics.md).
const OF_SUMS: f64 = 1e-6;
/// What ratios agree to.
const OF_RATIOS: f64 = 1e-5;
/// Standard errors of a difference that chance explains: 95 % of the differences between equal silhouettes are smaller.
const ERRORS: f64 = 2.0;

/// A metric of levels that may be sampled, and the metric that holds its standard error.
const SAMPLED: [(&str, &str); 1] = [("silhouette", "silhouette_standard_error")];

/// The largest difference of a metric between two levels that says nothing: the rounding that the program admits, or two
/// standard errors of the difference if a sample was taken, whichever is larger. Counts have none.
pub(super) fn of_levels(metric: &MetricInfo, a: &Level, b: &Level) -> f64 {
    let value = |level: &Level, name: &str| level.figures.get(name).and_then(Value::as_f64);
    let is_count =
        |level: &Level| level.figures.get(&metric.name).is_some_and(|value| value.is_u64() || value.is_i64());
    let rounding = match (value(a, &metric.name), value(b, &metric.name)) {
        (Some(_), Some(_)) if is_count(a) && is_count(b) => 0.0,
        (Some(a), Some(b)) => rounding(&metric.unit, a, b),
        _ => 0.0,
    };
    let error = SAMPLED.iter().find(|(name, _)| *name == metric.name).map_or(0.0, |(_, error)| {
        let [a, b] = [a, b].map(|level| value(level, error).unwrap_or(0.0));
        ERRORS * a.hypot(b)
    });
    rounding.max(error)
}

/// The same for a metric of clusters.
pub(super) fn of_clusters(metric: &dyn Metric, level: &Level, a: f64, b: f64) -> f64 {
    match level.clusters.get(metric.name()) {
        Some(Column::Count(_)) => 0.0,
        _ => rounding(metric.unit().name(), a, b),
    }
}

/// Metrics with a unit are sums and means, others are ratios.
fn rounding(unit: &str, a: f64, b: f64) -> f64 {
    let relative = if unit.is_empty() { OF_RATIOS } else { OF_SUMS };
    relative * a.abs().max(b.abs())
}
