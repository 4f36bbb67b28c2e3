//! The two tables: one of runs and levels, one of groups of runs.

use std::collections::BTreeSet;

use serde_json::{Number, Value};

use super::groups;
use super::read::{KMEANS, Run};
use super::settings;
use super::stats::Moments;
use super::table::Table;
use crate::metrics::METRICS;

/// Prefix of columns that hold settings of runs: a setting and a metric can share a name (`silhouette`).
pub const SETTING: &str = "config.";

/// The column of a setting.
fn column(key: &String) -> String {
    if key.starts_with(KMEANS) { key.clone() } else { format!("{SETTING}{key}") }
}

/// A row per run and level: the run, its settings `keys`, and all metrics of levels.
pub fn of_runs(runs: &[Run], keys: &[String]) -> Table {
    let metrics = metrics(runs);
    let columns = ["run", "folder", "level"].map(str::to_owned).into_iter();
    let columns = columns.chain(keys.iter().map(column)).chain(metrics.iter().cloned()).collect();
    let mut rows = Vec::new();
    for run in runs {
        for level in &run.levels {
            let mut row: Vec<Value> =
                vec![run.name.clone().into(), run.folder.to_string_lossy().into(), level.level.into()];
            row.extend(keys.iter().map(|key| settings::value(run, key).clone()));
            row.extend(metrics.iter().map(|name| level.figures.get(name).cloned().unwrap_or_default()));
            rows.push(row);
        }
    }
    Table { columns, rows }
}

/// A row per level and group of runs with equal settings `keys`: the number of runs, and for each metric the mean, the
/// sample standard deviation and the number of runs that define it.
pub fn of_groups(runs: &[Run], keys: &[String]) -> Table {
    let metrics = metrics(runs);
    let mut columns: Vec<String> = keys.iter().map(column).collect();
    columns.extend(["level".to_owned(), "runs".to_owned()]);
    columns.extend(metrics.iter().flat_map(|name| ["mean", "std", "count"].map(|what| format!("{name}_{what}"))));
    let mut rows = Vec::new();
    for group in groups::by(runs, keys) {
        for level in levels(runs).into_iter().filter(|&level| group.runs_with(level) > 0) {
            let mut row = group.values.clone();
            row.extend([level.into(), group.runs_with(level).into()]);
            for name in &metrics {
                let moments = Moments::of(&group.values_of(level, name));
                row.extend([real(moments.mean), real(moments.deviation), moments.count.into()]);
            }
            rows.push(row);
        }
    }
    Table { columns, rows }
}

/// Names of all metrics of levels that some run has, in the order of the tables. Metrics unknown to this version come last.
pub(super) fn metrics(runs: &[Run]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in runs.iter().flat_map(|run| &run.levels).flat_map(|level| level.figures.keys()) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    let place = |name: &String| METRICS.iter().position(|metric| metric.name() == name).unwrap_or(METRICS.len());
    names.sort_by_key(place);
    names
}

/// Every level that some run has.
pub(super) fn levels(runs: &[Run]) -> BTreeSet<u32> {
    runs.iter().flat_map(|run| &run.levels).map(|level| level.level).collect()
}

fn real(value: Option<f64>) -> Value {
    value.and_then(Number::from_f64).map_or(Value::Null, Value::Number)
}
