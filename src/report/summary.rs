//! The summary printed at the end of a run.

use std::fmt::Write;
use std::path::Path;

use serde_json::Value;

use crate::base::numeric::as_real;
use crate::base::text::counted;
use crate::plan::record::{Level, RunRecord};

/// Metrics of levels that summaries show, if they were computed.
pub(crate) const SHOWN: [&str; 12] = [
    "points",
    "clusters",
    "empty_clusters",
    "inertia",
    "explained_variance",
    "davies_bouldin",
    "simplified_silhouette",
    "silhouette",
    "misassigned",
    "ari",
    "ami",
    "purity",
];

/// The levels as a table, the rankings, and where the files are.
pub fn of_run(record: &RunRecord, out: &Path) -> String {
    let shown = SHOWN.iter().filter(|name| record.levels.iter().any(|level| level.figures.contains_key(**name)));
    let mut rows = vec![std::iter::once("level").chain(shown.clone().copied()).map(str::to_owned).collect::<Vec<_>>()];
    for level in &record.levels {
        let cells = shown.clone().map(|name| figure(level.figures.get(*name)));
        rows.push(std::iter::once(level.level.to_string()).chain(cells).collect());
    }
    let mut text = table(&rows);
    let montages: usize = record.levels.iter().map(|level| level.montages.len()).sum();
    for level in &record.levels {
        let large = level.clusters.get("size").map_or(0, |sizes| {
            (0..sizes.len()).filter(|&c| sizes.real(c) >= as_real(level.ranking.min_size)).count() as u64
        });
        let list = |clusters: &[u64]| clusters.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
        let ranking = &level.ranking;
        let _ = write!(text, "\nlevel {}, by {}:", level.level, ranking.by.replace('_', " "));
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
            let sizes: f64 =
                level.clusters.get("size").map_or(0.0, |sizes| (0..sizes.len()).map(|c| sizes.real(c)).sum());
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
    }
    if let Some(stage) = record.stages.iter().find(|stage| stage.name == "evaluate") {
        let rate = stage.bytes_per_second.map_or(String::new(), |b| format!(" at {:.2} GB/s", b / 1e9));
        let device = &record.device;
        let _ = write!(text, "\ndistances took {:.3} s{rate} on {} [{}]", stage.seconds, device.name, device.kind);
    }
    let pictures =
        if montages > 0 { format!(", {} in level*/montages", counted(montages, "montage")) } else { String::new() };
    let _ = write!(
        text,
        "\nwritten to {}: report.html, levels.csv, level*/clusters.csv, record.json{pictures}",
        out.display()
    );
    text
}

/// The same as JSON: all metrics and rankings of the levels, and where the files are.
pub fn as_json(record: &RunRecord, out: &Path) -> Value {
    let level = |level: &Level| {
        serde_json::json!({
            "level": level.level,
            "figures": level.figures,
            "undefined": level.undefined,
            "ranking": level.ranking,
            "montages": level.montages.iter().map(|montage| &montage.path).collect::<Vec<_>>(),
        })
    };
    serde_json::json!({
        "out": out,
        "device": record.device,
        "levels": record.levels.iter().map(level).collect::<Vec<_>>(),
        "stages": record.stages,
        "skipped_rows": record.skipped_rows,
        "warnings": record.warnings,
    })
}

/// Aligns cells in columns two spaces apart, numbers to the right and text to the left. The first row is the header.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |c: usize| rows.iter().filter_map(|row| row.get(c)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let is_number = |cell: &String| cell == "-" || cell.parse::<f64>().is_ok();
    let right: Vec<bool> =
        (0..columns).map(|c| rows.iter().skip(1).filter_map(|row| row.get(c)).all(is_number)).collect();
    let aligned = |(c, cell): (usize, &String)| {
        let width = widths[c];
        if right[c] { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
    };
    let line =
        |row: &Vec<String>| row.iter().enumerate().map(aligned).collect::<Vec<_>>().join("  ").trim_end().to_owned();
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The value of a metric; `-` if it is not defined.
pub(crate) fn figure(value: Option<&Value>) -> String {
    match value {
        Some(Value::Number(n)) if n.is_u64() => n.to_string(),
        Some(Value::Number(n)) => n.as_f64().map_or_else(String::new, |real| format!("{real:.6}")),
        _ => "-".to_owned(),
    }
}
