//! compare.json, compare.csv and the printed text.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use super::between::{Between, MEASURES};
use super::clusters::ClusterChange;
use super::comparison::{Comparison, LevelComparison};
use super::metric_changes::{MetricChange, Outcome};
use crate::base::error::{Error, Result};
use crate::base::text::counted;
use crate::report::summary;

/// Writes the comparison as JSON.
///
/// # Errors
/// `Failed` if the file can't be written.
pub fn write_json(path: &Path, comparison: &Value) -> Result<()> {
    std::fs::write(path, format!("{comparison:#}\n")).map_err(|e| Error::io("can't write the comparison", path, &e))
}

/// Writes a row per level and metric. Measures of agreement between the clusterings have rows of their own, with the value
/// in the column `between`.
///
/// # Errors
/// `Failed` if the file can't be written.
pub fn write_csv(path: &Path, comparison: &Comparison) -> Result<()> {
    let failed = |e: csv::Error| Error::io("can't write the table", path, &std::io::Error::from(e));
    let mut table = csv::Writer::from_path(path).map_err(failed)?;
    table
        .write_record(["level", "figure", "a", "b", "difference", "outcome", "between", "relative", "noise"])
        .map_err(failed)?;
    for level in &comparison.levels {
        let number = level.level.to_string();
        for change in &level.metrics {
            let (a, b) = (cell(&change.a), cell(&change.b));
            let [difference, relative, noise] = [change.difference, change.relative, change.noise]
                .map(|value| value.map_or_else(String::new, |value| cell(&value.into())));
            let outcome = change.outcome.map_or("", Outcome::name);
            let row = [&number, &change.name, &a, &b, &difference, outcome, "", &relative, &noise];
            table.write_record(row).map_err(failed)?;
        }
        for (name, value) in MEASURES.iter().zip(level.between.iter().flat_map(Between::values)) {
            table
                .write_record([number.as_str(), name, "", "", "", "", &cell(&value.into()), "", ""])
                .map_err(failed)?;
        }
    }
    table.flush().map_err(|e| Error::io("can't write the table", path, &e))
}

/// Empty for null.
fn cell(value: &Value) -> String {
    if value.is_null() { String::new() } else { value.to_string() }
}

/// The comparison as text for standard output, level by level.
pub fn as_text(comparison: &Comparison) -> String {
    let mut text = String::new();
    for (name, side) in [("A", &comparison.a), ("B", &comparison.b)] {
        let _ = writeln!(text, "{name}: {} ({}, {})", side.folder.display(), side.clustering.display(), side.started);
    }
    for difference in &comparison.data.differences {
        let _ = writeln!(text, "note: {difference}");
    }
    let _ = writeln!(text, "\n{}", comparison.verdict.text);
    for level in &comparison.verdict.levels {
        let _ = writeln!(text, "  {}", level.text);
    }
    for level in &comparison.levels {
        let header = [&format!("level {}", level.level), "A", "B", "B - A", "B is"].map(str::to_owned).to_vec();
        let rows: Vec<Vec<String>> = std::iter::once(header).chain(level.metrics.iter().map(row)).collect();
        let _ = writeln!(text, "\n{}", summary::table(&rows));
        push_between(&mut text, level);
        push_clusters(&mut text, level);
    }
    if let Some(why) = &comparison.apart {
        let _ = writeln!(text, "\nthe clusterings were not compared: {why}");
    }
    text
}

fn row(change: &MetricChange) -> Vec<String> {
    let difference = change.difference.map_or_else(|| "-".to_owned(), signed);
    let outcome = match (change.outcome, change.difference) {
        (Some(outcome @ (Outcome::Better | Outcome::Worse)), Some(difference)) => {
            format!("{} {}", if difference > 0.0 { '↑' } else { '↓' }, outcome.name())
        }
        (outcome, _) => outcome.map_or("", Outcome::name).to_owned(),
    };
    vec![change.name.clone(), summary::figure(Some(&change.a)), summary::figure(Some(&change.b)), difference, outcome]
}

/// A number with its sign; whole numbers without decimals.
fn signed(difference: f64) -> String {
    if difference.fract() == 0.0 && difference.abs() < 1e15 {
        format!("{difference:+.0}")
    } else {
        format!("{difference:+.6}")
    }
}

fn push_between(text: &mut String, level: &LevelComparison) {
    if let Some(between) = &level.between {
        let measures = MEASURES.iter().zip(between.values()).map(|(name, value)| format!("{name} {value:.6}"));
        let measures = measures.collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "agreement of A and B: {measures} ({})", counted(between.points, "point"));
    }
}

fn push_clusters(text: &mut String, level: &LevelComparison) {
    let Some(clusters) = &level.clusters else { return };
    let by = clusters.by.replace('_', " ");
    let _ = writeln!(
        text,
        "{} {} (A has {}, B has {}); largest changes by {by}:",
        counted(clusters.matched, "cluster"),
        if clusters.matched == 1 { "matches" } else { "match" },
        clusters.of_a,
        clusters.of_b
    );
    let row = |outcome: &str, change: &ClusterChange| {
        let shared = format!("{:.3}", change.jaccard);
        let [a, b] = [change.a, change.b].map(|value| summary::figure(Some(&value.into())));
        vec![
            outcome.to_owned(),
            change.cluster_a.to_string(),
            change.cluster_b.to_string(),
            shared,
            a,
            b,
            signed(change.difference),
        ]
    };
    let header = ["B is", "cluster in A", "in B", "jaccard", "A", "B", "B - A"].map(str::to_owned).to_vec();
    let improved = clusters.improved.iter().map(|change| row("better", change));
    let worsened = clusters.worsened.iter().map(|change| row("worse", change));
    let rows: Vec<Vec<String>> = std::iter::once(header).chain(improved).chain(worsened).collect();
    if rows.len() > 1 {
        let _ = writeln!(text, "{}", summary::table(&rows));
    } else {
        let _ = writeln!(text, "  none");
    }
}
