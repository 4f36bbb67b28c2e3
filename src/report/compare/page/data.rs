//! The part of the comparison and of the records that the page gets, as JSON.

use serde_json::{Map, Value, json};

use super::pictures::Pictures;
use crate::metrics::Column;
use crate::plan::record::{Level, MetricInfo, RunRecord};
use crate::report::compare::clusters::{ClusterChange, ClusterChanges};
use crate::report::compare::comparison::{Comparison, Side};
use crate::report::compare::flow::Flow;
use crate::report::compare::pair::{Pair, level_of};

/// Most bytes of the classes of a level's clusters; of a level with more, only those of listed clusters are shown.
const MOST_NAMES: usize = 200_000;
/// Most clusters of a level, of both runs together, whose flows are shown: their sizes alone would fill the page.
const MOST_CLUSTERS: usize = 200_000;

pub(super) fn of(pair: &Pair, comparison: &Comparison, flows: &[Option<Flow>], pictures: &Pictures) -> Value {
    let levels = comparison.levels.iter().enumerate().map(|(at, level)| {
        let [a, b] = [&pair.a, &pair.b].map(|record| level_of(record, level.level));
        let names = [a, b].map(|level| level.and_then(names));
        let flows = flows.get(at).and_then(Option::as_ref);
        let shown = flows.filter(|flows| flows.of_a.len() + flows.of_b.len() <= MOST_CLUSTERS);
        json!({
            "level": level.level,
            "figures": level.metrics,
            "between": level.between,
            "clusters": level.clusters.as_ref().map(|changes| changed(changes, at, [a, b], pictures)),
            "flow": shown.map(flow),
            "crowded": flows.is_some() && shown.is_none(),
            "names": names,
        })
    });
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "a": side(&comparison.a, &pair.a),
        "b": side(&comparison.b, &pair.b),
        "same": comparison.data,
        "verdict": comparison.verdict,
        "apart": comparison.apart,
        "metrics": metrics(pair),
        "settings": settings(&pair.a, &pair.b),
        "levels": levels.collect::<Vec<_>>(),
    })
}

/// What is said of a run.
fn side(side: &Side, record: &RunRecord) -> Value {
    json!({
        "folder": side.folder,
        "clustering": side.clustering,
        "started": side.started,
        "version": side.version,
        "rows": side.rows,
        "dim": side.dim,
        "dtype": record.inputs.dtype,
        "levels": record.levels.iter().map(|level| (level.level, level.len())).collect::<Vec<_>>(),
        "device": record.device.name,
        "embeddings": record.inputs.embeddings.iter().map(|file| &file.path).collect::<Vec<_>>(),
        "command": record.command,
        "images": record.images.is_some(),
    })
}

/// Descriptions of the metrics of both runs.
fn metrics(pair: &Pair) -> Vec<&MetricInfo> {
    let of_a = &pair.a.metrics;
    of_a.iter().chain(pair.b.metrics.iter().filter(|info| !of_a.iter().any(|other| other.name == info.name))).collect()
}

/// Settings that differ: name, value in A, value in B.
fn settings(a: &RunRecord, b: &RunRecord) -> Vec<(String, Value, Value)> {
    let none = Map::new();
    let [a, b] = [a, b].map(|record| record.settings.as_object().unwrap_or(&none));
    let names = a.keys().chain(b.keys().filter(|name| !a.contains_key(*name)));
    let value = |settings: &Map<String, Value>, name: &str| settings.get(name).cloned().unwrap_or_default();
    names.map(|name| (name.clone(), value(a, name), value(b, name))).filter(|(_, a, b)| a != b).collect()
}

/// The clusters that changed most, with their images and classes.
fn changed(changes: &ClusterChanges, at: usize, levels: [Option<&Level>; 2], pictures: &Pictures) -> Value {
    let listed = |list: &[ClusterChange]| -> Vec<Value> {
        let one = |change: &ClusterChange| {
            let numbers = [change.cluster_a, change.cluster_b];
            let about = |side: usize| {
                let level = levels[side];
                json!({
                    "cluster": numbers[side],
                    "size": level.and_then(|level| level.cluster_figure("size", numbers[side])),
                    "name": level.and_then(|level| name(level, usize::try_from(numbers[side]).ok()?)),
                    "pictures": pictures.of_cluster(at, side, numbers[side]),
                })
            };
            let (a, b) = (about(0), about(1));
            json!({ "jaccard": change.jaccard, "values": [change.a, change.b], "sides": [a, b] })
        };
        list.iter().map(one).collect()
    };
    json!({
        "by": changes.by,
        "matched": changes.matched,
        "of_a": changes.of_a,
        "of_b": changes.of_b,
        "improved": listed(&changes.improved),
        "worsened": listed(&changes.worsened),
    })
}

/// Flows in columns: the two clusters and the points they share.
fn flow(flow: &Flow) -> Value {
    json!({
        "a": flow.largest.iter().map(|shared| shared.a).collect::<Vec<_>>(),
        "b": flow.largest.iter().map(|shared| shared.b).collect::<Vec<_>>(),
        "points": flow.largest.iter().map(|shared| shared.points).collect::<Vec<_>>(),
        "flows": flow.flows,
        "of_a": flow.of_a,
        "of_b": flow.of_b,
        "partners": flow.partners,
        "stayed": flow.stayed,
    })
}

/// The most frequent class of each cluster, if they are known and take little room.
fn names(level: &Level) -> Option<Vec<Option<String>>> {
    level.clusters.get(CLASS)?;
    let names: Vec<Option<String>> = (0..level.len()).map(|cluster| name(level, cluster)).collect();
    let bytes: usize = names.iter().flatten().map(String::len).sum();
    (bytes <= MOST_NAMES).then_some(names)
}

/// The metric that is the most frequent class of a cluster.
const CLASS: &str = "majority_label";

fn name(level: &Level, cluster: usize) -> Option<String> {
    match level.clusters.get(CLASS)? {
        Column::Text(names) => names.get(cluster)?.clone(),
        Column::Index(numbers) => numbers.get(cluster)?.map(|number| number.to_string()),
        Column::Count(_) | Column::Real(_) => None,
    }
}
