//! Clusters against the user's classes (`--labels`).

use std::collections::BTreeSet;

use super::level_facts::{LevelFacts, per_level, reached};
use super::words::{counted, grouped, percent};
use crate::base::numeric::as_real;
use crate::metrics::{Column, Severity};
use crate::plan::record::{ClusteringFinding, RunRecord};

/// Below this purity, a cluster mixes classes.
const MIXES: f64 = 0.6;

pub(super) const MIXED: &str = "The purity of some ranked clusters is below 0.6: note; these clusters hold a tenth of the points: \
                                warning; half: severe. Never more than a note on a level with fewer clusters than classes.";

/// Clusters in which no class has a clear majority.
pub(super) fn mixed(record: &RunRecord) -> Vec<ClusteringFinding> {
    per_level(record, |level| {
        let purity = level.column("purity")?;
        let mixes = |cluster: usize| level.is_ranked(cluster) && purity.real(cluster) < MIXES;
        let (clusters, points) = level.which(mixes);
        let share = level.share(points);
        let labels = known_labels(level.record);
        let must = level.count() < labels;
        let bounds = [(0.5, Severity::Severe), (0.1, Severity::Warning), (0.0, Severity::Note)];
        let severity = reached(share, &bounds[if must { 2 } else { 0 }..]).filter(|_| clusters > 0)?;
        let number = level.number();
        let must = match must {
            true => format!(
                " Level {number} has {} for at least {} classes, so some must mix them.",
                counted(level.count(), "cluster"),
                grouped(labels)
            ),
            false => String::new(),
        };
        let has = if clusters == 1 { "mixes" } else { "mix" };
        let sentence = format!(
            "{} {has} classes, with {} of the points: no class has 60 % of a cluster.{must}",
            level.some(mixes),
            percent(share)
        );
        let filter = format!("purity < {MIXES} and size >= {}", level.level.ranking.min_size);
        let suggestion = format!("More clusters on level {number} help if the embeddings separate the classes.");
        let found = level.finding(severity, as_real(clusters), sentence);
        Some(found.suggesting(suggestion).showing(level.shown(filter, "purity")))
    })
}

pub(super) const PURE: &str = "The purity of a level is 0.9 or more, with at most one cluster per ten points: good.";

/// Levels whose clusters have one class each.
pub(super) fn pure(record: &RunRecord) -> Vec<ClusteringFinding> {
    per_level(record, |level| {
        let purity = level.figure("purity").filter(|&purity| purity >= 0.9)?;
        let sentence = format!(
            "{} of the points with a class on level {} are of the most frequent class of their cluster.",
            percent(purity),
            level.number()
        );
        // with a cluster for every few points, purity says nothing
        (level.count() * 10 <= level.points()).then(|| level.finding(Severity::Good, purity, sentence))
    })
}

/// Number of labels that are the most frequent one of any cluster: the record has no list of all labels.
fn known_labels(record: &RunRecord) -> u64 {
    let most = record
        .levels
        .iter()
        .filter_map(|level| LevelFacts { level, record }.column("majority_label"))
        .map(|column| match column {
            Column::Text(names) => names.iter().flatten().collect::<BTreeSet<_>>().len(),
            Column::Index(names) => names.iter().flatten().collect::<BTreeSet<_>>().len(),
            Column::Count(names) => names.iter().collect::<BTreeSet<_>>().len(),
            Column::Real(_) => 0,
        })
        .max();
    most.unwrap_or(0) as u64
}
