//! compare.json, compare.csv, and what is printed.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use super::between::MEASURES;
use super::{ClusterChange, Comparison, FigureChange, LevelComparison};
use crate::base::error::{Error, Result};
use crate::report::summary;

/// Writes everything as JSON.
///
/// # Errors
/// `Failed` where the file can't be written.
pub fn write_json(path: &Path, comparison: &Value) -> Result<()> {
    std::fs::write(path, format!("{comparison:#}\n")).map_err(|e| Error::io("can't write the comparison", path, &e))
}

/// Writes a row per level and figure. RunFingerprint of the clusterings stands in rows of its own, in the column `between`.
///
/// # Errors
/// `Failed` where the file can't be written.
pub fn write_csv(path: &Path, comparison: &Comparison) -> Result<()> {
    let failed = |e: csv::Error| Error::io("can't write the table", path, &std::io::Error::from(e));
    let mut table = csv::Writer::from_path(path).map_err(failed)?;
    table.write_record(["level", "figure", "a", "b", "difference", "outcome", "between"]).map_err(failed)?;
    for level in &comparison.levels {
        let number = level.level.to_string();
        for change in &level.figures {
            let (a, b) = (cell(&change.a), cell(&change.b));
            let difference = change.difference.map_or_else(String::new, |difference| cell(&difference.into()));
            let outcome = change.outcome.map_or("", super::Outcome::name);
            table.write_record([&number, &change.name, &a, &b, &difference, outcome, ""]).map_err(failed)?;
        }
        for (name, value) in MEASURES.iter().zip(level.between.iter().flat_map(super::Between::values)) {
            table.write_record([number.as_str(), name, "", "", "", "", &cell(&value.into())]).map_err(failed)?;
        }
    }
    table.flush().map_err(|e| Error::io("can't write the table", path, &e))
}

/// Empty where it is not defined.
fn cell(value: &Value) -> String {
    if value.is_null() { String::new() } else { value.to_string() }
}

/// For standard output: the levels one after the other.
pub fn as_text(comparison: &Comparison) -> String {
    let mut text = String::new();
    for (name, side) in [("A", &comparison.a), ("B", &comparison.b)] {
        let _ = writeln!(text, "{name}: {} ({}, {})", side.folder.display(), side.clustering.display(), side.started);
    }
    for level in &comparison.levels {
        let header = [&format!("level {}", level.level), "A", "B", "B - A", "B is"].map(str::to_owned).to_vec();
        let rows: Vec<Vec<String>> = std::iter::once(header).chain(level.figures.iter().map(row)).collect();
        let _ = writeln!(text, "\n{}", summary::table(&rows));
        push_between(&mut text, level);
        push_clusters(&mut text, level);
    }
    if let Some(why) = &comparison.apart {
        let _ = writeln!(text, "\nthe clusterings were not compared with each other: {why}");
    }
    text
}

fn row(change: &FigureChange) -> Vec<String> {
    let difference = change.difference.map_or_else(|| "-".to_owned(), signed);
    let outcome = match (change.outcome, change.difference) {
        (Some(outcome @ (super::Outcome::Better | super::Outcome::Worse)), Some(difference)) => {
            format!("{} {}", if difference > 0.0 { '↑' } else { '↓' }, outcome.name())
        }
        (outcome, _) => outcome.map_or("", super::Outcome::name).to_owned(),
    };
    vec![change.name.clone(), summary::figure(Some(&change.a)), summary::figure(Some(&change.b)), difference, outcome]
}

/// With its sign; whole numbers without a point.
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
        let _ = writeln!(text, "clusters of A and of B: {measures} ({} points)", between.points);
    }
}

fn push_clusters(text: &mut String, level: &LevelComparison) {
    let Some(clusters) = &level.clusters else { return };
    let by = clusters.by.replace('_', " ");
    let _ = writeln!(
        text,
        "{} clusters are the same in both, of {} and {}; changed most by {by}:",
        clusters.matched, clusters.of_a, clusters.of_b
    );
    let row = |outcome: &str, change: &ClusterChange| {
        let shared = format!("{:.3}", change.jaccard);
        let figures = [change.a, change.b].map(|figure| summary::figure(Some(&figure.into())));
        let [a, b] = figures;
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
    let header = ["B is", "cluster in A", "in B", "in common", "A", "B", "B - A"].map(str::to_owned).to_vec();
    let improved = clusters.improved.iter().map(|change| row("better", change));
    let worsened = clusters.worsened.iter().map(|change| row("worse", change));
    let rows: Vec<Vec<String>> = std::iter::once(header).chain(improved).chain(worsened).collect();
    if rows.len() > 1 {
        let _ = writeln!(text, "{}", summary::table(&rows));
    } else {
        let _ = writeln!(text, "  none");
    }
}
