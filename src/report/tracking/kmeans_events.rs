//! A k-means as JSON lines, for trackers. It is made from kmeans.json alone.
//!
//! | event | when | content |
//! |---|---|---|
//! | `run` | first | identity, settings, device, inputs, hosts and Slurm jobs |
//! | `iteration` | per iteration | objective, points that moved, points that were searched |
//! | `fitted` | per step of a level | clusters without points, objective of all points |
//! | `summary` | last | results of all levels in one map, seconds, warnings |
//!
//! `step` counts the iterations of the whole run.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::events::{self, FORMAT};
use crate::plan::record::{KmeansRecord, KmeansStep};

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Event<'a> {
    Run {
        format: u32,
        job: &'static str,
        id: String,
        version: &'a str,
        started: &'a str,
        command: &'a [String],
        settings: &'a Value,
        device: &'a str,
        inputs: BTreeMap<&'static str, Value>,
        work: Value,
    },
    Iteration {
        step: u64,
        level: u32,
        figures: Map<String, Value>,
    },
    Fitted {
        step: u64,
        level: u32,
        figures: Map<String, Value>,
    },
    Summary {
        figures: Map<String, Value>,
        seconds: BTreeMap<String, f64>,
        skipped_rows: u64,
        warnings: &'a [String],
    },
}

/// Writes the events of a k-means, one per line.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut impl Write, record: &KmeansRecord) -> io::Result<()> {
    let mut line = |event: Event| events::line(out, &event);
    line(run(record))?;
    let mut done = 0;
    for step in &record.steps {
        for (i, objective) in step.objectives.iter().enumerate() {
            done += 1;
            line(Event::Iteration { step: done, level: step.level, figures: of_iteration(step, i, *objective) })?;
        }
        line(Event::Fitted { step: done, level: step.level, figures: map(&of_step(step)) })?;
    }
    let name = |step: &KmeansStep| format!("level{}/step{}", step.level, step.step);
    line(Event::Summary {
        figures: of_levels(record),
        seconds: record.steps.iter().map(|step| (name(step), step.seconds.iter().sum())).collect(),
        skipped_rows: 0,
        warnings: &record.warnings,
    })
}

fn run(record: &KmeansRecord) -> Event<'_> {
    let identity = [record.fingerprint.as_str(), record.started.as_str(), &record.command.join("\n")];
    Event::Run {
        format: FORMAT,
        job: "kmeans",
        id: events::digest(&identity),
        version: &record.version,
        started: &record.started,
        command: &record.command,
        settings: &record.settings,
        device: &record.device,
        inputs: [("rows", record.rows.into()), ("dim", record.dim.into())].into(),
        work: events::work(record.provenance.as_ref()),
    }
}

fn of_iteration(step: &KmeansStep, i: usize, objective: f64) -> Map<String, Value> {
    map(&json!({
        "level": step.level,
        "kmeans_step": step.step,
        "iteration": i + 1,
        "objective": objective,
        "moved": step.moved.get(i),
        "searched": step.searched.get(i),
    }))
}

fn of_step(step: &KmeansStep) -> Value {
    json!({
        "clusters": step.clusters,
        "empty_clusters": step.empty_clusters,
        "fitted_points": step.fitted,
        "mean_squared_distance": step.mean_squared_distance,
    })
}

/// The last step of each level, with keys `level1/mean_squared_distance` and so on.
fn of_levels(record: &KmeansRecord) -> Map<String, Value> {
    let named = |step: &KmeansStep| {
        let level = step.level;
        map(&of_step(step)).into_iter().map(move |(name, value)| (format!("level{level}/{name}"), value))
    };
    record.steps.iter().flat_map(named).collect()
}

fn map(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}
