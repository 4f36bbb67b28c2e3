//! The `kmeans` block of a job spec: makes the clustering that the runs evaluate.

use std::path::PathBuf;

use serde_json::Value;

use super::product::{Block, Combination};
use super::spec::{Place, refuse_unknown};
use crate::base::error::{Error, Finding, Findings, Result};
use crate::base::paths;
use crate::formats::yaml;
use crate::plan::settings::{KmeansOptions, KmeansSettings};

const KEYS: [&str; 3] = ["config", "out", "tasks"];

/// The parameter that the block replaces.
const CLUSTERING: &str = "clustering";

/// A clustering to make before the runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Kmeans {
    /// The CONFIG of `kmeans`, as written.
    pub config: PathBuf,
    /// Its settings; `out` is absolute.
    pub settings: KmeansSettings,
    /// Processes that share the work.
    pub tasks: u64,
}

impl Kmeans {
    /// Reads the block and the config that it names; `None` if there is no block.
    ///
    /// # Errors
    /// `Usage` for unknown keys and invalid values; as `kmeans` if the config is invalid.
    pub(super) fn read(block: &Value, place: &Place) -> Result<Option<Kmeans>> {
        let place = place.key("kmeans");
        let map = match block {
            Value::Null => return Ok(None),
            Value::Object(map) => map,
            other => {
                let finding = place.finding("`kmeans` is not a map").expected("{config: KMEANS.yaml, tasks: 1}");
                return Err(Error::usage(finding.found(super::values::kind(other))));
            }
        };
        let mut findings = Findings::new();
        refuse_unknown(map, &KEYS, &place, &mut findings);
        let mut path = |key: &str, needed: bool| match map.get(key) {
            None | Some(Value::Null) if !needed => None,
            Some(Value::String(path)) if !path.is_empty() => Some(PathBuf::from(path)),
            other => {
                let finding =
                    place.finding(format!("`{key}` doesn't name a {}", if needed { "file" } else { "folder" }));
                let finding = other.map_or(finding.clone(), |value| finding.found(value.to_string()));
                findings.push_usage(finding.expected("a path"));
                None
            }
        };
        let (config, out) = (path("config", true), path("out", false));
        let tasks = map.get("tasks").filter(|tasks| !tasks.is_null());
        let tasks = tasks.map_or(Some(1), |tasks| yaml::typed(tasks).as_u64().filter(|&tasks| tasks > 0));
        if tasks.is_none() {
            findings.push_usage(place.finding("`tasks` must be a number of processes").expected("1 or more"));
        }
        findings.into_result()?;
        let (Some(config), Some(tasks)) = (config, tasks) else { return Ok(None) };
        let from_block = KmeansOptions { out, ..KmeansOptions::default() };
        let mut settings = from_block.over(KmeansOptions::read(&config)?).resolve()?;
        settings.out = paths::absolute(&settings.out)
            .map_err(|e| Error::usage(Finding::io("the output folder has no usable path", &settings.out, &e)))?;
        Ok(Some(Kmeans { config, settings, tasks }))
    }

    /// Refuses parameters that name a clustering.
    pub(super) fn refuse_another(&self, parameters: &Block, findings: &mut Findings) {
        if let Some(place) = parameters.place_of(CLUSTERING) {
            let finding = place.finding("the clustering is given twice");
            let finding = finding.found(format!("`{CLUSTERING}`, and a `kmeans` block that makes one"));
            findings
                .push_usage(finding.hint("remove `clustering`: the runs evaluate the clustering that `kmeans` makes"));
        }
    }

    /// Sets the clustering of all runs.
    pub(super) fn give_to(&self, runs: &mut [Combination]) -> Result<(), Finding> {
        let out = self.settings.out.to_str().ok_or_else(|| {
            let finding = Finding::new("the path of the clustering can't be written as YAML");
            finding.file(&self.settings.out).hint("choose another folder with `kmeans: out`")
        })?;
        runs.iter_mut().for_each(|run| run.insert(0, (CLUSTERING.to_owned(), out.into())));
        Ok(())
    }
}
