//! The metrics of the levels as a table.

use super::table::{figure, table};
use crate::plan::record::RunRecord;
use crate::report::metric_text::with_unit;

/// Metrics of levels that summaries show, if they were computed.
pub(crate) const SHOWN: [&str; 12] = [
    "points",
    "clusters",
    "empty_clusters",
    "inertia",
    "explained_variance",
    "davies_bouldin",
    "simplified_silhouette",
    "silhouette",
    "misassigned",
    "ari",
    "ami",
    "purity",
];

/// A row per level, or, if that is wider than `columns`, a row per metric.
pub(super) fn table_of(record: &RunRecord, columns: Option<usize>) -> String {
    let shown = || SHOWN.iter().filter(|name| record.levels.iter().any(|level| level.figures.contains_key(**name)));
    let header = std::iter::once("level").chain(shown().copied()).map(str::to_owned).collect::<Vec<_>>();
    let mut rows = vec![header];
    for level in &record.levels {
        let cells = shown().map(|name| figure(level.figures.get(*name)));
        rows.push(std::iter::once(level.level.to_string()).chain(cells).collect());
    }
    let wide = table(&rows);
    let fits = columns.is_none_or(|columns| wide.lines().all(|line| line.chars().count() <= columns));
    if fits { wide } else { table(&transposed(record, &rows)) }
}

/// Rows and columns change places; there is room for units then.
fn transposed(record: &RunRecord, rows: &[Vec<String>]) -> Vec<Vec<String>> {
    let with_unit = |name: &String| {
        let info = record.metrics.iter().find(|info| info.name == *name);
        info.map_or_else(|| name.replace('_', " "), with_unit)
    };
    let row = |at: usize| {
        let head = if at == 0 { "level".to_owned() } else { with_unit(&rows[0][at]) };
        std::iter::once(head).chain(rows[1..].iter().map(|cells| cells[at].clone())).collect()
    };
    (0..rows[0].len()).map(row).collect()
}
