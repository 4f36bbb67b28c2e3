//! The rows that the clustering covers.

use super::words::{are, counted, percent};
use crate::base::numeric::as_real;
use crate::metrics::Severity;
use crate::plan::record::{ClusteringFinding, RunRecord};

pub(super) const UNCOVERED: &str = "Rows are in no cluster (not counted if only a subset was clustered), or were skipped by \
                                    `--nonfinite skip`: note; 5 % of the rows: warning.";

/// Rows that enter no metric.
pub(super) fn uncovered(record: &RunRecord) -> Vec<ClusteringFinding> {
    let rows = record.inputs.rows;
    let points = |level: &crate::plan::record::Level| level.figures.get("points").and_then(serde_json::Value::as_u64);
    // skipped rows are no points either
    let covered = record.levels.iter().filter_map(points).min().unwrap_or(rows);
    let without = if record.inputs.subset.is_some() { record.skipped_rows } else { rows.saturating_sub(covered) };
    if without == 0 {
        return Vec::new();
    }
    let share = as_real(without) / as_real(rows.max(1));
    let severity = if share >= 0.05 { Severity::Warning } else { Severity::Note };
    let sentence = format!(
        "{} ({} of all) {} left out of the metrics: in no cluster, or not finite.",
        counted(without, "row"),
        percent(share),
        are(without)
    );
    vec![ClusteringFinding::new(severity, None, as_real(without), sentence)]
}
