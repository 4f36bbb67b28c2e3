//! The `kmeans` block of a spec: the clustering that its runs judge, made first.

use std::path::PathBuf;

use serde_json::Value;

use super::product::{Block, Combination};
use super::spec::{Place, refuse_unknown};
use crate::base::error::{Error, Finding, Findings, Result};
use crate::formats::yaml;
use crate::plan::settings::{KmeansOptions, KmeansSettings};

const KEYS: [&str; 3] = ["config", "out", "tasks"];

/// The parameter that it takes the place of.
const CLUSTERING: &str = "clustering";

/// A clustering that is to be there before the runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Kmeans {
    /// The CONFIG of `kmeans`, as it was written.
    pub config: PathBuf,
    /// What it says; `out` is absolute.
    pub settings: KmeansSettings,
    /// Processes that share the work.
    pub tasks: u64,
}

impl Kmeans {
    /// Reads the block and the config that it names; nothing where there is no block.
    ///
    /// # Errors
    /// `Usage` for keys and values that are none; as `kmeans` where the config is not right.
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
                let finding = place.finding(format!("`{key}` names no {}", if needed { "file" } else { "folder" }));
                let finding = other.map_or(finding.clone(), |value| finding.found(value.to_string()));
                findings.push_usage(finding.expected("a path"));
                None
            }
        };
        let (config, out) = (path("config", true), path("out", false));
        let tasks = map.get("tasks").filter(|tasks| !tasks.is_null());
        let tasks = tasks.map_or(Some(1), |tasks| yaml::typed(tasks).as_u64().filter(|&tasks| tasks > 0));
        if tasks.is_none() {
            findings.push_usage(place.finding("`tasks` is not a number of processes").expected("1 or more"));
        }
        findings.into_result()?;
        let (Some(config), Some(tasks)) = (config, tasks) else { return Ok(None) };
        let beside = KmeansOptions { out, ..KmeansOptions::default() };
        let mut settings = beside.over(KmeansOptions::read(&config)?).resolve()?;
        settings.out = std::path::absolute(&settings.out)
            .map_err(|e| Error::usage(Finding::io("the output folder has no usable path", &settings.out, &e)))?;
        Ok(Some(Kmeans { config, settings, tasks }))
    }

    /// Refuses parameters that name a clustering.
    pub(super) fn refuse_another(&self, parameters: &Block, findings: &mut Findings) {
        if let Some(place) = parameters.place_of(CLUSTERING) {
            let finding = place.finding("the clustering is given twice");
            let finding = finding.found(format!("`{CLUSTERING}`, and a `kmeans` that makes one"));
            findings.push_usage(finding.hint("leave `clustering` out: the runs judge what `kmeans` makes"));
        }
    }

    /// Gives all runs the clustering.
    pub(super) fn give_to(&self, runs: &mut [Combination]) -> Result<(), Finding> {
        let out = self.settings.out.to_str().ok_or_else(|| {
            let finding = Finding::new("the folder of the clustering has a name that YAML can't hold");
            finding.file(&self.settings.out).hint("name another one with `kmeans: out`")
        })?;
        runs.iter_mut().for_each(|run| run.insert(0, (CLUSTERING.to_owned(), out.into())));
        Ok(())
    }
}
