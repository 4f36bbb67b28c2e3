//! The job spec as written, before it is expanded.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::folder_name;
use crate::base::error::{Finding, Findings};
use crate::base::paths;
use crate::formats::yaml;
use crate::metrics::unknown;

/// Most runs of a sweep, unless the file sets another limit.
const MAX_RUNS: u64 = 10_000;

/// Keys of the file, of `job_details` and of `grid`.
const TOP: [&str; 5] = ["job_details", "kmeans", "parameters", "slurm", "grid"];
const JOB_DETAILS: [&str; 2] = ["name", "root"];
const GRID: [&str; 1] = ["max_runs"];

/// A place in the file: `sweep.yaml, parameters.LIST_data[0].seed`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    file: PathBuf,
    /// Empty for the file itself.
    keys: String,
}

impl Place {
    pub(super) fn file(path: &Path) -> Self {
        Place { file: path.to_owned(), keys: String::new() }
    }

    pub(super) fn key(&self, key: &str) -> Self {
        let keys = if self.keys.is_empty() { key.to_owned() } else { format!("{}.{key}", self.keys) };
        Place { keys, ..self.clone() }
    }

    pub(super) fn entry(&self, index: usize) -> Self {
        Place { keys: format!("{}[{index}]", self.keys), ..self.clone() }
    }

    /// The keys alone.
    pub(super) fn keys(&self) -> &str {
        &self.keys
    }

    /// A finding at this place.
    pub(super) fn finding(&self, what: impl Into<String>) -> Finding {
        self.of(Finding::new(what))
    }

    /// Moves a finding to this place.
    pub(super) fn of(&self, finding: Finding) -> Finding {
        let file = self.file.display();
        finding.file(if self.keys.is_empty() { file.to_string() } else { format!("{file}, {}", self.keys) })
    }
}

/// The parts of the file. Its parameters are not checked yet.
#[derive(Debug)]
pub(super) struct Spec {
    pub(super) name: String,
    /// Absolute.
    pub(super) root: PathBuf,
    /// `Null` if there is none.
    pub(super) kmeans: Value,
    pub(super) parameters: Map<String, Value>,
    pub(super) slurm: Value,
    pub(super) max_runs: u64,
}

impl Spec {
    /// Parses the text. Adds errors to the findings; returns `None` if the file is unusable.
    pub(super) fn parse(text: &str, place: &Place, findings: &mut Findings) -> Option<Spec> {
        let top = read_map(text, place).map_err(|wrong| findings.push_usage(wrong)).ok()?;
        refuse_unknown(&top, &TOP, place, findings);
        let job = block(&top, "job_details", place, findings).cloned().unwrap_or_default();
        let at = place.key("job_details");
        refuse_unknown(&job, &JOB_DETAILS, &at, findings);
        let name = required(&job, "name", &at, findings).filter(|name| is_name(name, &at, findings));
        let root = required(&job, "root", &at, findings).and_then(|root| absolute(&root, &at, findings));
        let limits = top.get("grid").filter(|limits| !limits.is_null());
        let limits = limits.and_then(|_| block(&top, "grid", place, findings)).cloned().unwrap_or_default();
        refuse_unknown(&limits, &GRID, &place.key("grid"), findings);
        let max_runs = limits.get("max_runs").map_or(Some(MAX_RUNS), |runs| yaml::typed(runs).as_u64());
        if max_runs.is_none() {
            findings.push_usage(
                place.key("grid").finding("`max_runs` must be a number of runs").expected("a whole number"),
            );
        }
        let kmeans = top.get("kmeans").cloned().unwrap_or_default();
        let parameters = match top.get("parameters") {
            // `metrics` finds everything it needs in what `kmeans` writes
            None | Some(Value::Null) if !kmeans.is_null() => Map::new(),
            _ => block(&top, "parameters", place, findings)?.clone(),
        };
        Some(Spec {
            name: name?,
            root: root?,
            kmeans,
            parameters,
            slurm: top.get("slurm").cloned().unwrap_or_default(),
            max_runs: max_runs?,
        })
    }
}

/// The file's map, with scalars as they are written: what they mean depends on the parameter.
fn read_map(text: &str, place: &Place) -> Result<Map<String, Value>, Finding> {
    match yaml::parse(text).map(|document| document.value) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(place
            .finding("the job spec is not a map")
            .expected("`job_details:` with name and root, and `parameters:`")
            .hint("see docs/sweeps.md for an example")),
        Err(e) => Err(place.finding("the job spec is not valid YAML").found(e)),
    }
}

/// The map under `key`. Adds a finding if it is missing, empty or not a map.
fn block<'a>(
    top: &'a Map<String, Value>,
    key: &str,
    place: &Place,
    findings: &mut Findings,
) -> Option<&'a Map<String, Value>> {
    match top.get(key) {
        Some(Value::Object(block)) if !block.is_empty() => Some(block),
        Some(Value::Object(_) | Value::Null) | None => {
            let missing = place.finding(format!("the job spec has no `{key}`, or an empty one"));
            findings.push_usage(missing.hint("see docs/sweeps.md for an example"));
            None
        }
        Some(other) => {
            let found = super::values::kind(other);
            findings.push_usage(place.key(key).finding(format!("`{key}` is not a map")).expected("a map").found(found));
            None
        }
    }
}

pub(super) fn refuse_unknown(map: &Map<String, Value>, known: &[&str], place: &Place, findings: &mut Findings) {
    for key in map.keys().filter(|key| !known.contains(&key.as_str())) {
        findings.push_usage(place.of(unknown("key", key, known.iter().copied())));
    }
}

/// The text under a required key. Adds a finding if it is missing.
fn required(job: &Map<String, Value>, key: &str, place: &Place, findings: &mut Findings) -> Option<String> {
    let text = match job.get(key) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    if text.as_ref().is_none_or(|text| text.is_empty()) {
        findings.push_usage(place.finding(format!("`job_details` has no `{key}`")).expected(match key {
            "name" => "the name of the sweep's folder",
            _ => "the folder that will hold the sweep's folder",
        }));
        return None;
    }
    text
}

fn is_name(name: &str, place: &Place, findings: &mut Findings) -> bool {
    let safe = folder_name::is_safe(name);
    if !safe {
        let refused = place.key("name").finding("not every file system allows a folder of this name");
        let refused =
            refused.expected("letters, digits, spaces and any of - _ . , + = ( ), not ending in a dot or space");
        findings.push_usage(refused.found(format!("{name:?}")));
    }
    safe
}

fn absolute(root: &str, place: &Place, findings: &mut Findings) -> Option<PathBuf> {
    let absolute = paths::absolute(root.as_ref());
    absolute.map_err(|e| findings.push_usage(place.key("root").finding("not a usable path").found(e.to_string()))).ok()
}
