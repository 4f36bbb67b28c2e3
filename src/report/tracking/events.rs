//! A run as JSON lines, one event per line: `events.jsonl`. It is made from the record alone, so it can be made again at
//! any time.
//!
//! | event | when | content |
//! |---|---|---|
//! | `run` | first | identity, settings, device, inputs, hosts and Slurm jobs, descriptions of the metrics |
//! | `level` | per level | metrics of the level; `step` is the level |
//! | `histogram` | per level and metric of clusters | edges of equal bins, and the number of clusters in each |
//! | `clusters` | per level | the table of clusters: its file, and the metric that ranks them |
//! | `montage` | per picture | its file, and the cluster that it shows |
//! | `sheet` | per level with pictures | the contact sheet: its file, and the clusters on it |
//! | `summary` | last | all metrics of all levels in one map, seconds, warnings |
//!
//! Paths are relative to the output folder. Undefined values are null.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::histogram::Histogram;
use crate::metrics;
use crate::plan::record::{Device, Level, MetricInfo, Provenance, RunRecord};

/// Version of the format, raised when a reader of an older version would misread it.
pub const FORMAT: u32 = 1;

/// Hexadecimal digits of a run's identity: 64 bits are plenty for the runs of one project.
const ID_DIGITS: usize = 16;

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Event<'a> {
    Run {
        format: u32,
        id: String,
        version: &'a str,
        started: &'a str,
        command: &'a [String],
        settings: &'a Value,
        device: &'a Device,
        inputs: BTreeMap<&'static str, Value>,
        work: Value,
        metrics: &'a [MetricInfo],
    },
    Level {
        step: u32,
        figures: &'a Map<String, Value>,
    },
    Histogram {
        step: u32,
        figure: &'a str,
        edges: Vec<f64>,
        counts: Vec<u64>,
    },
    Clusters {
        step: u32,
        path: String,
        clusters: usize,
        ranked_by: &'a str,
    },
    Montage {
        step: u32,
        path: String,
        end: &'a str,
        rank: usize,
        cluster: u64,
    },
    Sheet {
        step: u32,
        path: String,
        clusters: &'a [u64],
    },
    Summary {
        figures: Map<String, Value>,
        seconds: BTreeMap<&'a str, f64>,
        skipped_rows: u64,
        warnings: &'a [String],
    },
}

/// Writes the events of a run, one per line.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut impl Write, record: &RunRecord) -> io::Result<()> {
    let mut line = |event: Event| line(out, &event);
    line(run(record))?;
    for level in &record.levels {
        of_level(level).try_for_each(&mut line)?;
    }
    line(Event::Summary {
        figures: figures_of_all_levels(record),
        seconds: record.stages.iter().map(|stage| (stage.name.as_str(), stage.seconds)).collect(),
        skipped_rows: record.skipped_rows,
        warnings: &record.warnings,
    })
}

/// Writes an event.
pub(super) fn line(out: &mut impl Write, event: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, event)?;
    out.write_all(b"\n")
}

/// The same for a run whenever it is written, and different for every other run.
fn identity(record: &RunRecord) -> String {
    let out = record.settings.get("out").and_then(Value::as_str).unwrap_or_default();
    digest(&[&record.plan, &record.started, out, &record.command.join("\n")])
}

/// An identity made of texts.
pub(super) fn digest(texts: &[&str]) -> String {
    blake3::hash(texts.join("\n").as_bytes()).to_hex()[..ID_DIGITS].to_owned()
}

fn run(record: &RunRecord) -> Event<'_> {
    let inputs = &record.inputs;
    Event::Run {
        format: FORMAT,
        id: identity(record),
        version: &record.version,
        started: &record.started,
        command: &record.command,
        settings: &record.settings,
        device: &record.device,
        inputs: [
            ("rows", inputs.rows.into()),
            ("dim", inputs.dim.into()),
            ("dtype", inputs.dtype.as_str().into()),
            ("clustering", inputs.clustering.to_string_lossy().into()),
        ]
        .into(),
        work: work(record.provenance.as_ref()),
        metrics: &record.metrics,
    }
}

/// Where a result was computed, and what that took; null in records of earlier versions.
pub(super) fn work(provenance: Option<&Provenance>) -> Value {
    let of = |made: &Provenance| {
        json!({
            "hosts": made.hosts(),
            "slurm_jobs": made.slurm_jobs(),
            "processes": made.legs.len(),
            "wall_seconds": made.seconds,
            "cpu_seconds": made.cpu_seconds,
            "peak_memory_bytes": made.peak_memory_bytes,
        })
    };
    provenance.map_or(Value::Null, of)
}

fn of_level(level: &Level) -> impl Iterator<Item = Event<'_>> {
    let step = level.level;
    let histograms =
        level.clusters.0.iter().filter(|(name, _)| metrics::is_amount(name)).filter_map(move |(figure, column)| {
            let Histogram { edges, counts } = Histogram::of(column)?;
            Some(Event::Histogram { step, figure, edges, counts })
        });
    let table = Event::Clusters {
        step,
        path: format!("level{step}/clusters.csv"),
        clusters: level.len(),
        ranked_by: &level.ranking.by,
    };
    let montages = level.montages.iter().map(move |file| Event::Montage {
        step,
        path: with_slashes(&file.path),
        end: &file.end,
        rank: file.rank,
        cluster: file.cluster,
    });
    let sheet = level.contact_sheet.iter().map(move |file| Event::Sheet {
        step,
        path: with_slashes(&file.path),
        clusters: &file.clusters,
    });
    let metrics = Event::Level { step, figures: &level.figures };
    std::iter::once(metrics).chain(histograms).chain([table]).chain(montages).chain(sheet)
}

/// The path with `/`, as on every system.
fn with_slashes(path: &Path) -> String {
    path.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// Keys are `level1/inertia` and so on.
fn figures_of_all_levels(record: &RunRecord) -> Map<String, Value> {
    let of_level = |level: &Level| {
        let number = level.level;
        level
            .figures
            .iter()
            .map(move |(name, value)| (format!("level{number}/{name}"), value.clone()))
            .collect::<Vec<_>>()
    };
    record.levels.iter().flat_map(of_level).collect()
}
