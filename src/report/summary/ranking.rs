//! The best and worst clusters of a level, in a line.

use std::fmt::Write;

use crate::base::numeric::as_real;
use crate::base::text::counted;
use crate::plan::record::Level;

pub(super) fn line(level: &Level) -> String {
    let large = level.clusters.get("size").map_or(0, |sizes| {
        (0..sizes.len()).filter(|&c| sizes.real(c) >= as_real(level.ranking.min_size)).count() as u64
    });
    let list = |clusters: &[u64]| clusters.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    let ranking = &level.ranking;
    let mut text = format!("level {}, by {}:", level.level, ranking.by.replace('_', " "));
    for (end, clusters) in [("best", &ranking.best), ("worst", &ranking.worst)] {
        if !clusters.is_empty() {
            let _ = write!(text, " {end} {};", list(clusters));
        }
    }
    let _ = write!(
        text,
        " {} of {} ranked (at least {})",
        ranking.ranked,
        counted(level.len(), "cluster"),
        counted(ranking.min_size, "point")
    );
    if ranking.small_points > 0 {
        let sizes: f64 = level.clusters.get("size").map_or(0.0, |sizes| (0..sizes.len()).map(|c| sizes.real(c)).sum());
        let share = 100.0 * as_real(ranking.small_points) / sizes.max(1.0);
        let _ = write!(text, "; smaller ones hold {share:.1} % of the points");
        if ranking.singletons > 0 {
            let _ = write!(text, " ({} of one point)", counted(ranking.singletons, "cluster"));
        }
    }
    if ranking.ranked < large {
        let without = large - ranking.ranked;
        let _ = write!(text, "; {} without this metric", counted(without, "more cluster"));
    }
    text
}
