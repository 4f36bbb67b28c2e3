//! Clusters against the user's labels.

use std::collections::BTreeSet;

use super::level_facts::{LevelFacts, per_level, reached};
use super::words::{counted, grouped, percent};
use crate::base::numeric::as_real;
use crate::metrics::{Column, Severity};
use crate::plan::record::{ClusteringFinding, RunRecord};

/// Below this purity, a cluster mixes labels.
const MIXES: f64 = 0.6;

pub(super) const MIXED: &str = "In ranked clusters, less than 60 % of the labelled points have the most frequent label: note; \
                                they hold a tenth of the points: warning; half of them: severe. A note at most where a \
                                level has fewer clusters than there are labels, since it must mix them.";

/// Clusters in which no label has a clear majority.
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
                " It has {} for at least {} labels, so it must.",
                counted(level.count(), "cluster"),
                grouped(labels)
            ),
            false => String::new(),
        };
        let sentence = format!(
            "In {} ({} of the points), less than 60 % of the points have the same label.{must}",
            level.some(mixes),
            percent(share)
        );
        let filter = format!("purity < {MIXES} and size >= {}", level.level.ranking.min_size);
        let suggestion = format!("More clusters on level {number} help if the embeddings separate the labels.");
        let found = level.finding(severity, as_real(clusters), sentence);
        Some(ClusteringFinding { suggestion: Some(suggestion), clusters: level.shown(filter, "purity"), ..found })
    })
}

pub(super) const PURE: &str = "The purity of a level is 0.9 or more, with ten times fewer clusters than points: good.";

/// Levels whose clusters have one label each.
pub(super) fn pure(record: &RunRecord) -> Vec<ClusteringFinding> {
    per_level(record, |level| {
        let purity = level.figure("purity").filter(|&purity| purity >= 0.9)?;
        let sentence = format!(
            "{} of the labelled points on level {} have the label of their cluster.",
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
