//! The `slurm` block of a job spec, and the site file that it may name.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::resources::{self, Resources};
use super::words;
use crate::base::error::{Error, Finding, Result};
use crate::formats::yaml;
use crate::metrics;

/// Settings for submitting the jobs of a run.
#[derive(Debug, Clone)]
pub struct Site {
    /// Number of shards that the rows are divided into. With 1, the run is a single job.
    pub shards: u64,
    /// Most array tasks that may run at the same time.
    pub max_running: Option<u64>,
    /// Seconds before the time limit at which the program is signalled to write a checkpoint; 0 for never.
    pub signal: u16,
    /// Whether to requeue a job that was preempted, lost its node, or stopped after a checkpoint.
    pub requeue: bool,
    /// Most requeues after a checkpoint.
    pub max_requeues: u32,
    /// Lines of shell code, inserted verbatim before the program.
    pub environment: Vec<String>,
    /// Environment variables to export.
    pub variables: Vec<(String, String)>,
    /// Folder on the node's own disk. May contain variables: `$TMPDIR`.
    pub scratch: Option<String>,
    /// The program on the nodes: its path, or the words of a command that starts it.
    pub binary: Vec<String>,
    /// Whether the parts of a run stay after the merge.
    pub keep_parts: bool,
    /// Address for one mail when all jobs of a sweep have ended.
    pub mail: Option<String>,
    /// Working directory of the jobs: the folder that they are submitted from.
    pub directory: Option<PathBuf>,
    pub(super) shard_resources: Resources,
    pub(super) merge_resources: Resources,
    pub(super) kmeans_resources: Resources,
}

/// The keys that aren't resources.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Block {
    shards: Option<NonZero<u64>>,
    max_running: Option<NonZero<u64>>,
    signal: Option<u16>,
    requeue: Option<bool>,
    max_requeues: Option<u32>,
    environment: Vec<String>,
    variables: BTreeMap<String, Value>,
    scratch: Option<String>,
    binary: Option<String>,
    keep_parts: Option<bool>,
    mail: Option<String>,
}

const BLOCK: [&str; 11] = [
    "shards",
    "max_running",
    "signal",
    "requeue",
    "max_requeues",
    "environment",
    "variables",
    "scratch",
    "binary",
    "keep_parts",
    "mail",
];
/// Blocks that override the shards' resources for the merge, and for the job that makes a clustering.
const MERGE: &str = "merge";
const KMEANS: &str = "kmeans";
/// Names a file with the same keys. The keys of the block take precedence.
const SITE: &str = "site";

/// The key of an account at Weights & Biases.
const API_KEY: &str = "WANDB_API_KEY";

impl Site {
    /// Reads the block and the site file that it names. A relative path is relative to the current directory.
    ///
    /// # Errors
    /// `Usage` for unknown keys and invalid values.
    pub fn read(block: &Value) -> Result<Site> {
        let mut keys = checked_keys(block, true)?;
        if let Some(file) = keys.remove(SITE) {
            let path = file.as_str().map(PathBuf::from).ok_or_else(|| {
                Error::usage(
                    Finding::new("`slurm: site` doesn't name a file").expected("a path").found(file.to_string()),
                )
            })?;
            let mut merged = read_file(&path)?;
            merged.extend(keys);
            keys = merged;
        }
        Self::of(keys).map_err(Error::usage)
    }

    /// sbatch's options for the resources of a shard, or of a run in one job.
    pub fn shard_options(&self) -> Vec<String> {
        self.shard_resources.0.clone()
    }

    /// sbatch's options for the resources of a merge.
    pub fn merge_options(&self) -> Vec<String> {
        self.merge_resources.0.clone()
    }

    fn of(mut keys: Map<String, Value>) -> Result<Site, Finding> {
        let shard_resources = Resources::read(&keys)?;
        let (merge, kmeans) = (keys.remove(MERGE), keys.remove(KMEANS));
        let merge_resources = overridden(&keys, MERGE, merge)?;
        let kmeans_resources = overridden(&keys, KMEANS, kmeans)?;
        let block = read_block(&keys)?;
        let variables = block.variables.iter().map(variable).collect::<Result<Vec<_>, _>>()?;
        if let Some(line) = block.environment.iter().find(|line| line.contains(['\n', '\0'])) {
            let finding =
                Finding::new("an entry of `slurm: environment` is not a single line").found(format!("{line:?}"));
            return Err(finding.hint("write a list with one line of shell code per entry"));
        }
        if block.scratch.as_ref().is_some_and(|path| path.trim().is_empty()) {
            let finding = Finding::new("`slurm: scratch` doesn't name a folder").expected("a path such as $TMPDIR");
            return Err(finding.found("an empty string").hint("leave it out to read the embeddings in place"));
        }
        if let Some(address) = block.mail.as_ref().filter(|address| !is_address(address)) {
            let finding =
                Finding::new("`slurm: mail` is not an address").expected("one address, such as me@example.org");
            return Err(finding.found(format!("{address:?}")));
        }
        Ok(Site {
            shards: block.shards.map_or(1, NonZero::get),
            max_running: block.max_running.map(NonZero::get),
            signal: block.signal.unwrap_or(120),
            requeue: block.requeue.unwrap_or(true),
            max_requeues: block.max_requeues.unwrap_or(50),
            environment: block.environment,
            variables,
            scratch: block.scratch,
            binary: binary(block.binary)?,
            keep_parts: block.keep_parts.unwrap_or(false),
            mail: block.mail,
            directory: std::env::current_dir().ok(),
            shard_resources,
            merge_resources,
            kmeans_resources,
        })
    }
}

/// Whether sbatch takes it as one address.
fn is_address(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('-') && text.chars().all(|c| c.is_ascii_graphic() && !"\"'\\,;".contains(c))
}

/// The resources of a job: those of all jobs, overridden by the block under `key`.
fn overridden(all: &Map<String, Value>, key: &str, block: Option<Value>) -> Result<Resources, Finding> {
    let mut keys = all.clone();
    match block {
        None | Some(Value::Null) => {}
        Some(Value::Object(block)) => {
            let known: Vec<&str> = resources::names().collect();
            keys.extend(renamed(block, &format!("key of `slurm: {key}`"), &known)?);
        }
        Some(other) => {
            let finding = Finding::new(format!("`slurm: {key}` is not valid")).found(other.to_string());
            return Err(finding.expected("keys and values, such as {time: 30, memory: 8G}"));
        }
    }
    Resources::read(&keys)
}

fn read_file(path: &Path) -> Result<Map<String, Value>> {
    let text =
        std::fs::read_to_string(path).map_err(|e| Error::usage(Finding::io("can't read the site file", path, &e)))?;
    let document = yaml::parse(&text)
        .map_err(|e| Error::usage(Finding::new("the site file is not valid YAML").file(path).found(e)))?;
    checked_keys(&document.value, false)
}

/// Replaces `-` by `_` in the keys, and refuses unknown ones. Keeps nulls: they unset keys of the site file.
fn checked_keys(block: &Value, names_site: bool) -> Result<Map<String, Value>> {
    let map = match block {
        Value::Null => return Ok(Map::new()),
        Value::Object(map) => map,
        other => {
            let finding = Finding::new("the settings for Slurm are not valid").found(other.to_string());
            return Err(Error::usage(finding.expected("keys and values, such as {shards: 8, time: 60}")));
        }
    };
    let own = BLOCK.into_iter().chain([MERGE, KMEANS]).chain(names_site.then_some(SITE));
    let known: Vec<&str> = own.chain(resources::names()).collect();
    renamed(map.clone(), "key of `slurm`", &known).map_err(Error::usage)
}

fn renamed(map: Map<String, Value>, kind: &str, known: &[&str]) -> Result<Map<String, Value>, Finding> {
    let mut keys = Map::new();
    for (key, value) in map {
        let key = key.replace('-', "_");
        if !known.contains(&key.as_str()) {
            return Err(metrics::unknown(kind, &key, known.iter().copied()));
        }
        keys.insert(key, value);
    }
    Ok(keys)
}

/// Parses one key at a time, so that an error can name it.
fn read_block(keys: &Map<String, Value>) -> Result<Block, Finding> {
    let own = |key: &&String| BLOCK.contains(&key.as_str());
    let mut map = Map::new();
    for key in keys.keys().filter(own) {
        let value = keys[key].clone();
        if value.is_null() {
            continue;
        }
        let fits = |value: &Value| {
            let one = Value::Object(std::iter::once((key.clone(), value.clone())).collect());
            serde_json::from_value::<Block>(one).map(drop)
        };
        // texts are taken as they are written
        let typed = yaml::typed(&value);
        let fitting = if fits(&value).is_ok() { value } else { typed };
        fits(&fitting).map_err(|e| {
            let finding = Finding::new(format!("the value of `slurm: {key}` is not valid"));
            finding.found(format!("{}: {e}", keys[key])).hint("configs/slurm-example.yaml shows every key")
        })?;
        map.insert(key.clone(), fitting);
    }
    serde_json::from_value(Value::Object(map))
        .map_err(|e| Finding::new("the settings for Slurm are not valid").found(e.to_string()))
}

fn variable((name, value): (&String, &Value)) -> Result<(String, String), Finding> {
    let text = match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    };
    if name == API_KEY {
        let finding = Finding::new(format!("`{API_KEY}` doesn't belong into `slurm: variables`"));
        let finding = finding.found("every user of the cluster can read the scripts that would contain it");
        return Err(
            finding.hint("run `wandb login` once on the login node: it keeps the key in ~/.netrc, for you alone")
        );
    }
    match text {
        Some(text) if words::is_variable(name) => Ok((name.clone(), text)),
        _ => Err(Finding::new("an entry of `slurm: variables` is not valid")
            .expected("a name of letters, digits and _, and one value")
            .found(format!("{name}: {value}"))),
    }
}

/// The program on the nodes: by default this executable. Text with spaces that is no file is a command of several words.
fn binary(named: Option<String>) -> Result<Vec<String>, Finding> {
    let Some(named) = named else {
        let own = std::env::current_exe().map_err(|e| {
            let finding = Finding::new("can't find this program's own path").found(e.to_string());
            finding.hint("name it in `slurm: binary`")
        })?;
        return Ok(vec![program(&own)?]);
    };
    let is_command = named.contains(char::is_whitespace) && !Path::new(&named).is_file();
    if !is_command {
        return Ok(vec![program(Path::new(&named))?]);
    }
    let words = shlex::split(&named).filter(|words| !words.is_empty()).ok_or_else(|| {
        let finding = Finding::new("`slurm: binary` is not a command of words").found(named.clone());
        finding.hint("close its quotes; for example: apptainer exec --nv image.sif clustrata")
    })?;
    let first = program(Path::new(&words[0]))?;
    Ok(std::iter::once(first).chain(words.into_iter().skip(1)).collect())
}

/// A program by its path, absolute. A bare name is looked up in PATH on the node.
fn program(named: &Path) -> Result<String, Finding> {
    let path = match named.components().count() {
        1 => named.to_owned(),
        _ => {
            let unusable = |e| Finding::io("the program's path is not usable", named, &e);
            let path = std::path::absolute(named).map_err(unusable)?;
            if !path.is_file() {
                return Err(missing(&path));
            }
            path
        }
    };
    path.to_str()
        .map(str::to_owned)
        .ok_or_else(|| Finding::new("the program's path is not UTF-8").file(&path).hint("use a link with another name"))
}

fn missing(path: &Path) -> Finding {
    let finding = Finding::new("the program for the jobs does not exist").file(path);
    finding.hint("correct `slurm: binary`, or leave it out to use this program")
}

#[cfg(test)]
mod tests;
