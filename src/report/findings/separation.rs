//! How well clusters are apart, and whether points are in the right one.

use super::level_facts::{LevelFacts, per_level, reached};
use super::words::{percent, value};
use crate::base::numeric::as_real;
use crate::metrics::Severity;
use crate::plan::record::{ClusteringFinding, RunRecord};

/// The better known silhouette first.
const SILHOUETTES: [&str; 2] = ["silhouette", "simplified_silhouette"];

/// The silhouette that a level has, with its name in words and its column.
fn silhouette(level: LevelFacts<'_>) -> Option<(f64, &'static str, String)> {
    SILHOUETTES.into_iter().find_map(|name| Some((level.figure(name)?, name, name.replace('_', " "))))
}

pub(super) const CHANCE: &str = "Calinski-Harabasz is below 1.5; it is 1 on average for random groups: severe.";

/// Clusters that random groups of the points would match: rows and clusters that do not belong together look like that.
pub(super) fn chance(record: &RunRecord) -> Vec<ClusteringFinding> {
    per_level(record, |level| {
        let ratio = level.figure("calinski_harabasz").filter(|&ratio| ratio < 1.5)?;
        let number = level.number();
        let sentence = format!(
            "The clusters of level {number} are no tighter than random groups of the points: Calinski-Harabasz is {}, and \
             1 by chance.",
            value(ratio)
        );
        let suggestion = "Check that embeddings and clustering list the same rows in the same order.";
        let found = level.finding(Severity::Severe, ratio, sentence);
        Some(found.suggesting(suggestion))
    })
}

pub(super) const NEGATIVE: &str =
    "The silhouette of a level is negative (the exact one if computed, else the simplified one): severe.";

/// Levels whose points are, on average, nearer to another cluster.
pub(super) fn negative(record: &RunRecord) -> Vec<ClusteringFinding> {
    per_level(record, |level| {
        let (mean, name, words) = silhouette(level).filter(|(mean, ..)| *mean < 0.0)?;
        let number = level.number();
        let sentence = format!(
            "The {words} of level {number} is negative ({}): on average, points are closer to another cluster than to \
             their own.",
            value(mean)
        );
        let suggestion =
            "Look at the worst clusters: they overlap with their nearest cluster or surround it.".to_owned();
        let found = level.finding(Severity::Severe, mean, sentence);
        Some(found.suggesting(suggestion).showing(level.shown(format!("{name} < 0"), name)))
    })
}

pub(super) const MISASSIGNED: &str = "Points are nearer to another centroid than to their own: note; 1 % of the points on \
                                      level 1, or 5 % on a higher one: warning; half of them: severe. No such point: good.";

/// Points that are nearer to another centroid.
pub(super) fn misassigned(record: &RunRecord) -> Vec<ClusteringFinding> {
    per_level(record, |level| {
        let count = level.figure("misassigned")?;
        let number = level.number();
        let share = count / as_real(level.points().max(1));
        if level.count() < 2 {
            return None;
        }
        if count == 0.0 {
            let sentence = format!("Every point of level {number} is in the cluster of its nearest centroid.");
            return Some(level.finding(Severity::Good, 0.0, sentence));
        }
        // a higher level groups whole clusters, so some of their points lie nearer to another centroid
        let warning = if number == 1 { 0.01 } else { 0.05 };
        let severity = reached(share, &[(0.5, Severity::Severe), (warning, Severity::Warning), (0.0, Severity::Note)])?;
        let sentence = format!(
            "{} of the points on level {number} are nearer to another centroid than to their own.",
            percent(share)
        );
        let suggestion = match number {
            1 => "`clustrata assign` assigns every point to its nearest centroid.",
            _ => {
                "Look at the clusters with the most such points. `clustrata assign --each-level` assigns every point to its nearest centroid."
            }
        };
        let clusters = level.shown("misassigned > 0", "-misassigned");
        let found = level.finding(severity, share, sentence);
        Some(found.suggesting(suggestion).showing(clusters))
    })
}

pub(super) const MISPLACED: &str = "Ranked clusters have a negative silhouette, on a level whose own is not: note; they hold \
                                    a tenth of the points: warning; half of them: severe.";

/// Clusters whose points are, on average, nearer to another one.
pub(super) fn misplaced(record: &RunRecord) -> Vec<ClusteringFinding> {
    per_level(record, |level| {
        let (_, name, words) = silhouette(level).filter(|(mean, ..)| *mean >= 0.0)?;
        let column = level.column(name)?;
        let is_negative = |cluster: usize| level.is_ranked(cluster) && column.real(cluster) < 0.0;
        let (clusters, points) = level.which(is_negative);
        let share = level.share(points);
        let bounds = [(0.5, Severity::Severe), (0.1, Severity::Warning), (0.0, Severity::Note)];
        let severity = reached(share, &bounds).filter(|_| clusters > 0)?;
        let (have, their) = if clusters == 1 { ("has", "its") } else { ("have", "their") };
        let sentence = format!(
            "{} {have} a negative {words}: {their} points ({} of all) are on average closer to another cluster.",
            level.some(is_negative),
            percent(share)
        );
        let filter = format!("{name} < 0 and size >= {}", level.level.ranking.min_size);
        let suggestion = "Compare each with its nearest cluster: they may be one group that was split.";
        let found = level.finding(severity, as_real(clusters), sentence);
        Some(found.suggesting(suggestion).showing(level.shown(filter, name)))
    })
}

pub(super) const COINCIDING: &str =
    "Clusters have the same stored centroid as another one: note; a tenth of a level's clusters: warning.";

/// Clusters whose centroid another one has too.
pub(super) fn coinciding(record: &RunRecord) -> Vec<ClusteringFinding> {
    per_level(record, |level| {
        let distances = level.column("nearest_distance")?;
        let coincides = |cluster: usize| distances.real(cluster) == 0.0;
        let (clusters, _) = level.which(coincides);
        let share = as_real(clusters) / as_real(level.count().max(1));
        let severity = if share >= 0.1 { Severity::Warning } else { Severity::Note };
        let have = if clusters == 1 { "has" } else { "have" };
        let sentence = format!("{} {have} the same centroid as another one.", level.some(coincides));
        let suggestion = "Repeated rows do that: remove duplicates, or ask for fewer clusters.";
        let shown = level.shown("nearest_distance = 0", "");
        let found = level.finding(severity, as_real(clusters), sentence);
        (clusters > 0).then_some(found.suggesting(suggestion).showing(shown))
    })
}

pub(super) const SEPARATION: &str = "The silhouette of a level is 0.5 or more: good; it is from 0 to below 0.25 (no substantial \
                                     structure, Kaufman and Rousseeuw 1990): note. A level has a single cluster: warning.";

/// How far clusters are apart.
pub(super) fn separation(record: &RunRecord) -> Vec<ClusteringFinding> {
    per_level(record, |level| {
        let number = level.number();
        if level.count() == 1 {
            let sentence = format!("Level {number} has a single cluster, so there is nothing to compare on it.");
            return Some(level.finding(Severity::Warning, 1.0, sentence));
        }
        let (mean, name, words) = silhouette(level).filter(|(mean, ..)| *mean >= 0.0)?;
        if mean >= 0.5 {
            let sentence = format!("The clusters of level {number} lie well apart: {words} {}.", value(mean));
            return Some(level.finding(Severity::Good, mean, sentence));
        }
        let sentence = format!(
            "The clusters of level {number} overlap: their {words} is {} (1 is the best). That is usual for embeddings of many dimensions.",
            value(mean)
        );
        let found = level.finding(Severity::Note, mean, sentence);
        (mean < 0.25).then_some(found.showing(level.shown("", name)))
    })
}
