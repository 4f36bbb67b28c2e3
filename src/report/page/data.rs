//! The part of the record that the page gets, as JSON.

use serde_json::{Value, json};

use super::shell::in_script;
use crate::base::matrix::UNLABELLED;
use crate::metrics::Column;
use crate::plan::record::{Level, MontageFile, MontageSection, RunRecord};
use crate::report::findings;

/// Most clusters that the page lists, over all levels: a row takes about 80 bytes.
const MOST_CLUSTERS: usize = 100_000;

/// The JSON, safe inside a script element.
pub(super) fn of(record: &RunRecord) -> String {
    let kept = kept(record);
    let levels: Vec<Value> = (0..record.levels.len()).map(|at| level(record, at, &kept[at])).collect();
    let data = json!({
        "version": record.version,
        "command": record.command,
        "started": record.started,
        "device": record.device,
        "settings": record.settings,
        "plan": record.plan,
        "inputs": record.inputs,
        "stages": record.stages,
        "warnings": record.warnings,
        "skipped_rows": record.skipped_rows,
        "distances": record.distances,
        "parts": record.parts,
        "metrics": record.metrics,
        "levels": levels,
        "findings": findings::known(record),
        "kmeans": record.kmeans,
        "maps": maps(record),
    });
    in_script(&data)
}

/// Description and points of each kind of map.
fn maps(record: &RunRecord) -> Value {
    let Some(plane) = &record.map else { return json!({}) };
    let mut maps = json!({ "pca": { "explained": plane.explained, "points": plane.points } });
    if let Some(near) = &plane.tsne {
        maps["tsne"] = json!({ "perplexity": near.perplexity, "points": near.points });
    }
    maps
}

/// Places of a level's clusters on each kind of map.
fn places(record: &RunRecord, at: usize) -> Value {
    let Some(plane) = &record.map else { return json!({}) };
    let mut places = json!({ "pca": plane.levels.get(at) });
    if let Some(near) = &plane.tsne {
        places["tsne"] = json!(near.levels.get(at));
    }
    places
}

/// The clusters of each level that the page lists; `None` for all. Upper levels, which have fewer clusters, come first. Of a
/// level that is too large, the best and the worst by ranking are listed.
fn kept(record: &RunRecord) -> Vec<Option<Vec<usize>>> {
    let mut left = MOST_CLUSTERS;
    let mut kept = vec![None; record.levels.len()];
    for (at, level) in record.levels.iter().enumerate().rev() {
        if level.len() > left {
            kept[at] = Some(ends(level, left));
        }
        left = left.saturating_sub(level.len());
    }
    kept
}

/// `most` clusters, half of them from each end of the ranking, ascending by number.
fn ends(level: &Level, most: usize) -> Vec<usize> {
    let by = level.clusters.get(&level.ranking.by);
    let value = |cluster: usize| by.map_or(f64::NAN, |column| column.real(cluster));
    let mut clusters: Vec<usize> = (0..level.len()).collect();
    clusters.sort_by(|&a, &b| value(a).total_cmp(&value(b)).then(a.cmp(&b)));
    let defined = clusters.partition_point(|&cluster| !value(cluster).is_nan());
    clusters.truncate(defined);
    if clusters.len() > most {
        clusters.drain(most / 2..clusters.len() - (most - most / 2));
    }
    clusters.sort_unstable();
    clusters
}

/// The parent of a cluster; an empty cluster of labels has none.
fn known(parent: u32) -> Option<u32> {
    (parent != UNLABELLED).then_some(parent)
}

fn level(record: &RunRecord, at: usize, kept: &Option<Vec<usize>>) -> Value {
    let level = &record.levels[at];
    let columns: Vec<Value> =
        level.clusters.0.iter().map(|(name, column)| json!([name, cells(column, kept.as_deref())])).collect();
    let parent = match kept {
        Some(kept) => kept.iter().filter_map(|&cluster| level.parent.get(cluster).copied()).map(known).collect(),
        None => level.parent.iter().copied().map(known).collect::<Vec<_>>(),
    };
    let montages: Vec<Value> = level
        .montages
        .iter()
        .map(|m| {
            json!({ "path": m.path, "end": m.end, "rank": m.rank, "cluster": m.cluster, "shown": m.rows.len(),
                    "sections": sections(m), "missing": m.missing, "broken": m.broken })
        })
        .collect();
    let sheet = level.contact_sheet.as_ref().map(|sheet| {
        json!({ "path": sheet.path, "shown": sheet.clusters.len(), "left_out": sheet.left_out,
                "missing": sheet.missing, "broken": sheet.broken })
    });
    json!({
        "level": level.level,
        "clusters": level.len(),
        "ids": kept,
        "figures": level.figures,
        "undefined": level.undefined,
        "columns": columns,
        "parent": parent,
        "ranking": level.ranking,
        "montages": montages,
        "contact_sheet": sheet,
        "maps": places(record, at),
    })
}

/// What the sections of a montage show, from the top down.
fn sections(montage: &MontageFile) -> Vec<Value> {
    let section = |section: &MontageSection| json!({ "title": section.title, "cluster": section.cluster });
    montage.sections.iter().map(section).collect()
}

/// A column as an array. Reals have six significant digits, more than the page shows.
fn cells(column: &Column, kept: Option<&[usize]>) -> Vec<Value> {
    let cell = |cluster: usize| match column {
        Column::Count(counts) => counts[cluster].into(),
        Column::Index(clusters) => clusters[cluster].into(),
        Column::Text(names) => names[cluster].as_deref().into(),
        Column::Real(reals) => rounded(reals[cluster]).into(),
    };
    match kept {
        Some(kept) => kept.iter().map(|&cluster| cell(cluster)).collect(),
        None => (0..column.len()).map(cell).collect(),
    }
}

fn rounded(real: f64) -> Option<f64> {
    real.is_finite().then(|| format!("{real:.5e}").parse().unwrap_or(real))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::record::{Columns, Ranking, Samples};

    #[test]
    fn hostile_text_stays_a_string() {
        let hostile = "</script><script>alert(1)</script><!-- \u{2028} & \" \\ \n";
        let text = in_script(&json!({ "name": hostile }));
        assert!(!text.contains(['<', '>', '&', '\u{2028}', '\n']), "{text}");
        let back: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(back["name"], hostile);
    }

    #[test]
    fn of_too_many_clusters_the_best_and_worst_are_kept() {
        let inertia = (0..10).map(|i| f64::from((i * 7) % 10)).chain([f64::NAN]).collect();
        let ranking = Ranking {
            by: "inertia".into(),
            min_size: 1,
            ranked: 10,
            small_points: 0,
            singletons: 0,
            best: Vec::new(),
            worst: Vec::new(),
        };
        let level = Level {
            level: 1,
            figures: serde_json::Map::new(),
            undefined: Default::default(),
            clusters: Columns(vec![("inertia".into(), Column::Real(inertia))]),
            parent: Vec::new(),
            ranking,
            montages: Vec::new(),
            contact_sheet: None,
            samples: Samples::default(),
        };
        // of 0 7 4 1 8 5 2 9 6 3
        assert_eq!(ends(&level, 4), [0, 3, 4, 7]);
        assert_eq!(ends(&level, 100).len(), 10);
    }

    #[test]
    fn reals_keep_six_digits() {
        assert_eq!(rounded(123.456_789), Some(123.457));
        assert_eq!(rounded(f64::NAN), None);
    }
}
