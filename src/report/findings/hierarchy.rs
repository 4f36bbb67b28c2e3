//! How levels refine each other.

use super::level_facts::{LevelFacts, per_level};
use super::words::percent;
use crate::metrics::Severity;
use crate::plan::record::{ClusteringFinding, RunRecord};

/// From this share of its parent's points, a cluster is nearly its parent.
const NEARLY_ALL: f64 = 0.95;

pub(super) const HARDLY_REFINES: &str =
    "Half of a level's points are in clusters that hold 95 % of their parent's points or more: warning.";

/// Levels that group the points as the level above does.
pub(super) fn hardly_refines(record: &RunRecord) -> Vec<ClusteringFinding> {
    per_level(record, |level: LevelFacts<'_>| {
        let of_parent = level.column("parent_points_share")?;
        let (_, points) = level.which(|cluster| of_parent.real(cluster) >= NEARLY_ALL);
        let share = level.share(points);
        let (number, above) = (level.number(), level.number() + 1);
        let sentence = format!(
            "Level {number} hardly refines level {above}: {} of the points are in clusters that hold nearly all of their \
             parent.",
            percent(share)
        );
        let suggestion = format!("Ask for more clusters on level {number}, or fewer on level {above}.");
        let clusters = level.shown(format!("parent_points_share >= {NEARLY_ALL}"), "-size");
        let found = level.finding(Severity::Warning, share, sentence);
        (share >= 0.5).then_some(found.suggesting(suggestion).showing(clusters))
    })
}
