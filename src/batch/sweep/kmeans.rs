//! The `kmeans` block of a job spec: makes the clusterings that the runs evaluate, one per combination of its parameters.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::names;
use super::product::{Block, Combination, Parameters};
use super::spec::Place;
use super::values::Command;
use crate::base::error::{Error, Finding, Findings, Result};
use crate::base::paths;
use crate::formats::yaml;
use crate::plan::settings::{KmeansOptions, KmeansSettings, Tracker};

/// Keys of the block that are no parameters.
const KEYS: [&str; 3] = ["config", "out", "tasks"];

/// Prefix of the parameters in the names of runs.
const PREFIX: &str = "kmeans.";

/// Name of the only clustering of a sweep.
const ALONE: &str = "kmeans";

/// The parameter that the block replaces.
const CLUSTERING: &str = "clustering";

/// Folder of the clusterings in the sweep's folder, unless the spec or the config names one.
const FOLDER: &str = "clusterings";

/// A clustering to make before the runs that evaluate it.
#[derive(Debug, Clone, PartialEq)]
pub struct Kmeans {
    /// What tells it from the others of the sweep; `kmeans` if it is the only one.
    pub name: String,
    /// The CONFIG of `kmeans`, as written.
    pub config: PathBuf,
    /// Parameters of the block, which override those of the config.
    pub parameters: Map<String, Value>,
    /// Its settings; `out` is absolute.
    pub settings: KmeansSettings,
    /// Processes that share the work.
    pub tasks: u64,
}

impl Kmeans {
    /// Names the sweep as the tracker's group, and itself in it, unless the settings say otherwise.
    fn join_group(&mut self, sweep: &Path) {
        let tracking = &mut self.settings.tracking;
        if tracking.track.is_none_or(|tracker| tracker == Tracker::None) {
            return;
        }
        let group = || sweep.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let name = || if self.name == ALONE { ALONE.to_owned() } else { format!("{PREFIX}{}", self.name) };
        let group = tracking.track_group.get_or_insert_with(group).clone();
        let name = tracking.track_name.get_or_insert_with(name).clone();
        self.parameters.extend([("track-group".to_owned(), group.into()), ("track-name".to_owned(), name.into())]);
    }
}

/// A `kmeans` block that a saved spec repeats.
#[derive(Debug, Clone, PartialEq)]
pub struct WrittenKmeans {
    /// The file that held the settings.
    pub config: PathBuf,
    /// Its settings; paths are absolute.
    pub settings: KmeansSettings,
    /// The folder of the clustering, or of the clusterings; absolute.
    pub out: PathBuf,
    /// Processes that share the work.
    pub tasks: u64,
    /// Parameters with their lists and checked values.
    pub parameters: Map<String, Value>,
}

/// The block as written.
pub(super) struct KmeansBlock {
    config: PathBuf,
    out: Option<PathBuf>,
    tasks: u64,
    parameters: Block,
}

impl KmeansBlock {
    /// Reads the block; `None` if there is none.
    ///
    /// # Errors
    /// `Usage` for unknown keys and invalid values.
    pub(super) fn read(block: &Value, place: &Place) -> Result<Option<KmeansBlock>> {
        let place = place.key("kmeans");
        let mut parameters = match block {
            Value::Null => return Ok(None),
            Value::Object(map) => map.clone(),
            other => {
                let finding = place.finding("`kmeans` is not a map").expected("{config: KMEANS.yaml, tasks: 1}");
                return Err(Error::usage(finding.found(super::values::kind(other))));
            }
        };
        let mut findings = Findings::new();
        let [config, out, tasks] = KEYS.map(|key| parameters.shift_remove(key).filter(|value| !value.is_null()));
        let config = path("config", config, true, &place, &mut findings);
        let out = path("out", out, false, &place, &mut findings);
        let tasks = tasks.map_or(Some(1), |tasks| yaml::typed(&tasks).as_u64().filter(|&tasks| tasks > 0));
        if tasks.is_none() {
            findings.push_usage(place.finding("`tasks` must be a number of processes").expected("1 or more"));
        }
        refuse_near_misses(&mut parameters, &place, &mut findings);
        let parameters = Block::read(&parameters, Command::Kmeans, &place, &mut findings);
        findings.into_result()?;
        Ok(config.zip(tasks).map(|(config, tasks)| KmeansBlock { config, out, tasks, parameters }))
    }

    /// The number of clusterings.
    pub(super) fn count(&self) -> u64 {
        self.parameters.count()
    }

    /// Refuses parameters of the runs that name a clustering.
    pub(super) fn refuse_another(&self, parameters: &Block, findings: &mut Findings) {
        if let Some(place) = parameters.place_of(CLUSTERING) {
            let finding = place.finding("the clustering is given twice");
            let finding = finding.found(format!("`{CLUSTERING}`, and a `kmeans` block that makes one"));
            findings
                .push_usage(finding.hint("remove `clustering`: the runs evaluate the clustering that `kmeans` makes"));
        }
    }

    /// The clusterings, and what each sets in the runs that evaluate it. `sweep` is the sweep's folder.
    ///
    /// # Errors
    /// `Usage` if two are the same; as `kmeans` if the config is invalid.
    pub(super) fn expand(&self, sweep: &Path, place: &Place) -> Result<Vec<(Kmeans, Combination)>> {
        let combinations: Vec<Combination> = self.parameters.expand();
        names::refuse_repeated(&combinations, &place.key("kmeans"), "clustering").map_err(Error::usage)?;
        let varied = names::varied(&combinations);
        let names = names::of_runs(&combinations, &varied);
        let several = combinations.len() > 1;
        let both = names.into_iter().zip(combinations).zip(varied);
        both.map(|((name, combination), varied)| {
            let place = several.then_some((sweep, name.as_str()));
            let mut kmeans = self.clustering(combination.parameters, place)?;
            kmeans.join_group(sweep);
            let runs = of_its_runs(&kmeans, varied).map_err(Error::usage)?;
            Ok((kmeans, runs))
        })
        .collect()
    }

    /// The block as a saved spec has it; `None` if it makes nothing.
    ///
    /// # Errors
    /// As `kmeans` if the config is invalid.
    pub(super) fn written(&self, made: &[(Kmeans, Combination)]) -> Result<Option<WrittenKmeans>> {
        let Some((first, _)) = made.first() else { return Ok(None) };
        let out = match made.len() {
            1 => first.settings.out.clone(),
            _ => first.settings.out.parent().map(Path::to_owned).unwrap_or_default(),
        };
        // a config may leave to the block what k-means needs
        let alone = KmeansOptions::read(&self.config)?.resolve();
        let settings = KmeansSettings { out: out.clone(), ..alone.unwrap_or_else(|_| first.settings.clone()) };
        let (config, parameters) = (self.config.clone(), self.parameters.to_map());
        Ok(Some(WrittenKmeans { config, settings, out, tasks: self.tasks, parameters }))
    }

    /// One clustering. Of several, each has a folder of its own, given by the sweep's folder and its name.
    fn clustering(&self, parameters: Parameters, several: Option<(&Path, &str)>) -> Result<Kmeans> {
        // null leaves a parameter to the config
        let parameters: Map<String, Value> = parameters.into_iter().filter(|(_, value)| !value.is_null()).collect();
        let yaml = serde_saphyr::to_string(&parameters);
        let yaml =
            yaml.map_err(|e| Error::failed(Finding::new("can't write parameters as YAML").found(e.to_string())))?;
        let options = KmeansOptions::parse(&yaml)?.over(KmeansOptions::read(&self.config)?);
        let out = self.out.clone().or_else(|| options.out.clone());
        let out = match several {
            None => out,
            Some((sweep, name)) => Some(out.unwrap_or_else(|| sweep.join(FOLDER)).join(name)),
        };
        let mut settings = KmeansOptions { out, ..options }.resolve()?;
        settings.out = paths::absolute(&settings.out)
            .map_err(|e| Error::usage(Finding::io("the output folder has no usable path", &settings.out, &e)))?;
        let name = several.map_or(ALONE, |(_, name)| name).to_owned();
        Ok(Kmeans { name, config: self.config.clone(), parameters, settings, tasks: self.tasks })
    }
}

/// What a clustering sets in the runs that evaluate it.
fn of_its_runs(kmeans: &Kmeans, varied: Parameters) -> Result<Combination, Finding> {
    let out = kmeans.settings.out.to_str().ok_or_else(|| {
        let finding = Finding::new("the path of the clustering can't be written as YAML");
        finding.file(&kmeans.settings.out).hint("choose another folder with `kmeans: out`")
    })?;
    let shown = varied.into_iter().map(|(key, value)| (format!("{PREFIX}{key}"), value)).collect();
    Ok(Combination { parameters: vec![(CLUSTERING.to_owned(), out.into())], shown })
}

/// The path under a key of the block.
fn path(key: &str, value: Option<Value>, file: bool, place: &Place, findings: &mut Findings) -> Option<PathBuf> {
    match value {
        None if !file => None,
        Some(Value::String(path)) if !path.is_empty() => Some(PathBuf::from(path)),
        other => {
            let finding = place.finding(format!("`{key}` doesn't name a {}", if file { "file" } else { "folder" }));
            let finding = other.map_or(finding.clone(), |value| finding.found(value.to_string()));
            findings.push_usage(finding.expected("a path"));
            None
        }
    }
}

/// Refuses keys that are closer to a key of the block than to any parameter of `kmeans`.
fn refuse_near_misses(parameters: &mut Map<String, Value>, place: &Place, findings: &mut Findings) {
    parameters.retain(|key, _| {
        let near = KEYS.iter().any(|known| strsim::damerau_levenshtein(key, known) == 1);
        let is_parameter = Command::Kmeans.check_key(&key.replace('_', "-")).is_ok();
        if near && !is_parameter {
            findings.push_usage(place.of(crate::metrics::unknown("key", key, KEYS.into_iter())));
        }
        !near || is_parameter
    });
}
