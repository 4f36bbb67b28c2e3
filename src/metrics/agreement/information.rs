//! Agreement measured by mutual information, with natural logarithms.

use super::Contingency;
use super::contingency::times_log;
use super::expected::expected_mutual_information;
use crate::base::numeric::as_real;

/// Homogeneity, completeness and their harmonic mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Homogeneity {
    /// 1 if every cluster holds points of one label only.
    pub homogeneity: f64,
    /// 1 if all points of each label lie in one cluster.
    pub completeness: f64,
    /// Harmonic mean of both.
    pub v_measure: f64,
}

/// Entropies of clusters and labels, and their mutual information.
struct Information {
    rows: f64,
    columns: f64,
    mutual: f64,
}

impl Information {
    fn of(table: &Contingency) -> Information {
        let points = as_real(table.points.max(1));
        // H = ln n - sum of (n_i ln n_i) / n; exactly 0 for a single part
        let logs = |sizes: &mut dyn Iterator<Item = u64>| sizes.map(times_log).sum::<f64>() / points;
        let entropy = |parts: usize, logs: f64| if parts < 2 { 0.0 } else { points.ln() - logs };
        let (row_logs, column_logs) = (logs(&mut table.row_sizes()), logs(&mut table.column_sizes()));
        let (row_parts, column_parts) = (table.row_sizes().count(), table.column_sizes().count());
        let mutual = table.logs / points - row_logs - column_logs + points.ln();
        Information {
            rows: entropy(row_parts, row_logs),
            columns: entropy(column_parts, column_logs),
            mutual: if row_parts < 2 || column_parts < 2 { 0.0 } else { mutual.max(0.0) },
        }
    }

    /// Arithmetic mean of the entropies, which normalizes mutual information.
    fn mean_entropy(&self) -> f64 {
        f64::midpoint(self.rows, self.columns)
    }
}

/// Normalized mutual information, scikit-learn's `normalized_mutual_info_score`: mutual information divided by the arithmetic
/// mean of the entropies. 1 if both partitions have a single part, 0 if only one of them has.
pub fn nmi(table: &Contingency) -> f64 {
    let information = Information::of(table);
    match information.mean_entropy() {
        0.0 => 1.0,
        mean => information.mutual / mean,
    }
}

/// Homogeneity, completeness and V-measure (Rosenberg and Hirschberg 2007), scikit-learn's
/// `homogeneity_completeness_v_measure` with the labels as the truth. Each is 1 if the entropy it is divided by is 0.
pub fn homogeneity_completeness_v(table: &Contingency) -> Homogeneity {
    let information = Information::of(table);
    let share = |entropy: f64| if entropy == 0.0 { 1.0 } else { information.mutual / entropy };
    let (homogeneity, completeness) = (share(information.columns), share(information.rows));
    let sum = homogeneity + completeness;
    let v_measure = if sum == 0.0 { 0.0 } else { 2.0 * homogeneity * completeness / sum };
    Homogeneity { homogeneity, completeness, v_measure }
}

/// Adjusted mutual information (Vinh, Epps and Bailey 2010), scikit-learn's `adjusted_mutual_info_score`: 1 if the
/// partitions are equal; its expected value is 0 for random partitions with the same sizes. 1 if both have a single part or
/// there are no points, 0 if only one of them has a single part. Time is linear in the number of pairs of distinct sizes, at
/// most 2 n for n points.
pub fn ami(table: &Contingency) -> f64 {
    let (rows, columns) = (table.row_sizes().count(), table.column_sizes().count());
    // if every point is its own part in both, the formula gives 0 / 0
    if table.is_perfect() {
        return 1.0;
    }
    if rows < 2 || columns < 2 {
        return 0.0;
    }
    let information = Information::of(table);
    let expected = expected_mutual_information(table.row_sizes(), table.column_sizes(), table.points);
    away_from_zero(information.mutual - expected) / away_from_zero(information.mean_entropy() - expected)
}

/// `value`, moved away from zero by at least machine epsilon and keeping its sign, as in scikit-learn.
fn away_from_zero(value: f64) -> f64 {
    if value < 0.0 { value.min(-f64::EPSILON) } else { value.max(f64::EPSILON) }
}
