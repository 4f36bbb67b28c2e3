//! How the points are spread over the clusters.

use super::level_facts::{per_level, reached};
use super::words::{are, counted, grouped, percent};
use crate::base::numeric::as_real;
use crate::metrics::Severity;
use crate::plan::record::{ClusteringFinding, RunRecord};

pub(super) const COLLAPSED: &str = "The largest cluster holds nine tenths of a level's points, or half of them and three times its \
                                    fair share (points / clusters): severe; half and twice its fair share, or a fifth and \
                                    ten times its fair share: warning.";

/// One cluster that holds most points.
pub(super) fn collapsed(record: &RunRecord) -> Vec<ClusteringFinding> {
    per_level(record, |level| {
        let largest = level.clusters().max_by_key(|&cluster| (level.size(cluster), std::cmp::Reverse(cluster)))?;
        let share = level.share(level.size(largest));
        let fair = share * as_real(level.count());
        let number = level.number();
        let (severity, verb) = if level.count() < 2 {
            return None;
        } else if share >= 0.9 || (share >= 0.5 && fair >= 3.0) {
            (Severity::Severe, "collapsed")
        } else if (share >= 0.5 && fair >= 2.0) || (share >= 0.2 && fair >= 10.0) {
            (Severity::Warning, "is dominated by one cluster")
        } else {
            return None;
        };
        let sentence = format!("Level {number} {verb}: cluster {largest} holds {} of the points.", percent(share));
        let suggestion = format!(
            "If the data are not that uneven, ask for more clusters on level {number}, or cluster again with another seed."
        );
        let found = level.finding(severity, share, sentence);
        Some(found.suggesting(suggestion).showing(level.one(largest)))
    })
}

pub(super) const UNEVEN: &str = "The largest tenth of a level's clusters (of 20 at least) holds half of its points: note; \
                                 four fifths: warning.";

/// A few clusters that hold most points.
pub(super) fn uneven(record: &RunRecord) -> Vec<ClusteringFinding> {
    per_level(record, |level| {
        let mut sizes: Vec<u64> = level.clusters().map(|cluster| level.size(cluster)).collect();
        if sizes.len() < 20 {
            return None;
        }
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        let tenth = sizes.len() / 10;
        let share = level.share(sizes[..tenth].iter().sum());
        let severity = reached(share, &[(0.8, Severity::Warning), (0.5, Severity::Note)])?;
        let sentence = format!(
            "Sizes on level {} are uneven: the {} hold {} of the points.",
            level.number(),
            counted(tenth as u64, "largest cluster"),
            percent(share)
        );
        Some(level.finding(severity, share, sentence).showing(level.shown("", "-size")))
    })
}

pub(super) const SINGLETONS: &str = "A level has clusters of a single point: note; they are a tenth of its clusters or hold \
                                     1 % of its points: warning.";

/// Clusters of one point.
pub(super) fn singletons(record: &RunRecord) -> Vec<ClusteringFinding> {
    per_level(record, |level| {
        let (alone, _) = level.which(|cluster| level.size(cluster) == 1);
        // each point on its own is another case than a few outliers
        let share = as_real(alone) / as_real(level.count().max(1));
        let many = share >= 0.1 || level.share(alone) >= 0.01;
        let severity = if many { Severity::Warning } else { Severity::Note };
        let hold = if alone == 1 { "holds one point" } else { "hold one point each" };
        let sentence = format!("{} {hold}.", level.some(|cluster| level.size(cluster) == 1));
        let suggestion = "Look at them: they are outliers, or the level has too many clusters.";
        let found = level.finding(severity, as_real(alone), sentence);
        (alone > 0).then_some(found.suggesting(suggestion).showing(level.shown("size = 1", "")))
    })
}

pub(super) const SMALL: &str = "Clusters with too few points to be ranked (`--montage-min-size`) hold a tenth of a level's \
                                points: note; half of them: warning.";

/// Points that the ranking does not see.
pub(super) fn small(record: &RunRecord) -> Vec<ClusteringFinding> {
    per_level(record, |level| {
        let ranking = &level.level.ranking;
        let share = level.share(ranking.small_points);
        let severity = reached(share, &[(0.5, Severity::Warning), (0.1, Severity::Note)])?;
        let least = ranking.min_size;
        let sentence = format!(
            "{} of the points on level {} are in clusters that are too small to rank (below {}).",
            percent(share),
            level.number(),
            counted(least, "point")
        );
        let suggestion = format!("`--montage-min-size {}` ranks smaller clusters too.", (least / 2).max(1));
        let filter = format!("size > 0 and size < {least}");
        let found = level.finding(severity, share, sentence);
        Some(found.suggesting(suggestion).showing(level.shown(filter, "-size")))
    })
}

pub(super) const EMPTY: &str = "A level has empty clusters: note; a tenth of its clusters are empty: warning.";

/// Clusters without points.
pub(super) fn empty(record: &RunRecord) -> Vec<ClusteringFinding> {
    per_level(record, |level| {
        let empty = level.level.len() as u64 - level.count();
        let share = as_real(empty) / as_real((level.level.len() as u64).max(1));
        let severity = if share >= 0.1 { Severity::Warning } else { Severity::Note };
        let number = level.number();
        let all = grouped(level.level.len() as u64);
        let sentence = format!("{} of {all} clusters of level {number} {} empty.", grouped(empty), are(empty));
        let suggestion = format!("Ask for fewer clusters on level {number}, or start k-means from other centroids.");
        let found = level.finding(severity, as_real(empty), sentence);
        (empty > 0).then_some(found.suggesting(suggestion).showing(level.shown("size = 0", "")))
    })
}
