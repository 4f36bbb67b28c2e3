//! The points that level 1 is fitted to: all, a sample, or those of a file.

use crate::base::error::{Finding, Findings};
use crate::formats::subset;
use crate::kmeans::sampled_positions;
use crate::plan::settings::KmeansSettings;

/// Positions among the points, ascending: rows of the embeddings, or entries of the subset. `None` for all points. Adds every
/// problem to `findings`.
pub(super) fn of(
    settings: &KmeansSettings,
    rows: u64,
    subset: Option<&[u64]>,
    findings: &mut Findings,
) -> Option<Vec<u64>> {
    let points = subset.map_or(rows, |subset| subset.len() as u64);
    if let Some(fit_rows) = settings.fit_rows {
        let count = fit_rows.of(points);
        return (count < points).then(|| sampled_positions(settings.seed, points, count));
    }
    let path = settings.fit_indices.as_deref()?;
    let mut chosen = findings.take(subset::read(path, rows))?;
    if let Some(subset) = subset {
        let mut places: Vec<(u64, u64)> = subset.iter().copied().zip(0..).collect();
        places.sort_unstable();
        let place = |row: u64| places.binary_search_by_key(&row, |place| place.0).map(|at| places[at].1);
        if let Some(&row) = chosen.iter().find(|&&row| place(row).is_err()) {
            let finding = Finding::new("a row to fit is not in the subset").file(path).found(format!("row {row}"));
            findings.push(finding.expected("rows of the embeddings that subset_indices_path names"));
            return None;
        }
        chosen = chosen.into_iter().filter_map(|row| place(row).ok()).collect();
    }
    chosen.sort_unstable();
    Some(chosen)
}
