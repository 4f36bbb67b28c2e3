//! Compares the clusters with other labels of the same points: external ones, or those of another clustering.

use crate::base::matrix::UNLABELLED;
use crate::formats::hierarchy::Hierarchy;
use crate::formats::labels::{LabelNames, Labels};
use crate::metrics::agreement::Contingency;
use crate::metrics::level_statistics::Names;

/// Counts the `labels` (below `distinct`) of the points of each cluster of `levels[level]`. Rows that are unassigned,
/// unlabelled or `skipped` (ascending) are not counted. `seen` gets every cell of the table that is not 0: cluster, label
/// and count.
pub fn contingency(
    hierarchy: &Hierarchy,
    level: usize,
    labels: &[u32],
    distinct: usize,
    skipped: &[u64],
    seen: impl FnMut(u64, u32, u64),
) -> Contingency {
    let label = |row: u64| usize::try_from(row).ok().and_then(|row| labels.get(row)).copied();
    let of_cluster = |cluster| {
        let points = hierarchy.points_of(level, cluster);
        let counted = points.filter(|row| skipped.is_empty() || skipped.binary_search(row).is_err());
        counted.filter_map(label).filter(|&label| label != UNLABELLED)
    };
    Contingency::of_groups_seen(distinct, (0..hierarchy.k(level)).map(of_cluster), seen)
}

/// The labels as written in the file, for metrics that show them.
pub(super) fn names(labels: &Labels) -> Names {
    match &labels.names {
        LabelNames::Whole(numbers) => Names::Whole(numbers.clone()),
        LabelNames::Text(texts) => Names::Text(texts.clone()),
    }
}
