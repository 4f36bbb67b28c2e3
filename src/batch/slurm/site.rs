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
    /// Path of the program on the nodes.
    pub binary: PathBuf,
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
    binary: Option<PathBuf>,
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

/// The program on the nodes: by default this executable.
fn binary(named: Option<PathBuf>) -> Result<PathBuf, Finding> {
    let path = match named {
        // a bare name is looked up in PATH on the node
        Some(path) if path.components().count() == 1 => return Ok(path),
        Some(path) => {
            std::path::absolute(&path).map_err(|e| Finding::io("the program's path is not usable", &path, &e))
        }
        None => std::env::current_exe().map_err(|e| {
            let finding = Finding::new("can't find this program's own path").found(e.to_string());
            finding.hint("name it in `slurm: binary`")
        }),
    }?;
    if path.is_file() { Ok(path) } else { Err(missing(&path)) }
}

fn missing(path: &Path) -> Finding {
    let finding = Finding::new("the program for the jobs does not exist").file(path);
    finding.hint("correct `slurm: binary`, or leave it out to use this program")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(block: Value) -> String {
        Site::read(&block).expect_err("refused").to_string()
    }

    #[test]
    fn without_a_block_there_is_one_job_and_nothing_personal() {
        let site = Site::read(&Value::Null).expect("defaults");
        assert_eq!((site.shards, site.signal, site.requeue), (1, 120, true));
        assert_eq!((site.shard_resources, site.merge_resources), (Resources::default(), Resources::default()));
        assert!(site.environment.is_empty() && site.variables.is_empty() && site.scratch.is_none());
    }

    #[test]
    fn the_block_overrides_the_site_file() {
        let base = tempfile::tempdir().unwrap();
        let file = base.path().join("site.yaml");
        std::fs::write(&file, "partition: long\naccount: all\nmax-running: 9\nmerge: {time: 5}\nkmeans: {gpus: 2}\n")
            .unwrap();
        let block = json!({"site": file, "partition": "short", "account": null, "time": 60});
        let site = Site::read(&block).expect("valid");
        assert_eq!(site.max_running, Some(9));
        assert_eq!(site.shard_resources.0, ["--partition=short", "--time=60"]);
        assert_eq!(site.merge_resources.0, ["--partition=short", "--time=5"]);
        assert_eq!(site.kmeans_resources.0, ["--partition=short", "--time=60", "--gpus=2"]);
        let options = site.kmeans_resources.per_process(4);
        assert_eq!(options, ["--ntasks=4", "--partition=short", "--time=60", "--gpus-per-task=2"]);
        std::fs::write(&file, "site: other.yaml\n").unwrap();
        assert!(refused(block).contains("unknown key of `slurm` `site`"));
        assert!(refused(json!({"site": base.path().join("none.yaml")})).contains("can't read"));
    }

    #[test]
    fn texts_are_taken_as_they_are_written() {
        let text = "variables: {CUDA: 12.10, FLAG: no, ID: 007, E: 1e3, H: 0x1F}\naccount: 1_000\npartition: 1.10\n\
            requeue: no\nshards: 1_000\ncpus: 1_6\nqos: on\ntime: 1:30:00\nenvironment: [1.10]\n";
        let site = Site::read(&yaml::parse(text).expect("YAML").value).expect("valid");
        let variables: Vec<String> = site.variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(variables, ["CUDA=12.10", "E=1e3", "FLAG=no", "H=0x1F", "ID=007"]);
        assert_eq!((site.requeue, site.shards, site.environment), (false, 1000, vec!["1.10".to_owned()]));
        let want = ["--partition=1.10", "--account=1_000", "--qos=on", "--time=1:30:00", "--cpus-per-task=16"];
        assert_eq!(site.shard_resources.0, want);
    }

    #[test]
    fn errors_name_the_wrong_key() {
        assert!(refused(json!({"shrads": 3})).contains("did you mean `shards`"));
        assert!(refused(json!({"merge": {"tme": 3}})).contains("did you mean `time`"));
        assert!(refused(json!({"kmeans": {"tsks": 3}})).contains("unknown key of `slurm: kmeans`"));
        assert!(refused(json!({"kmeans": 3})).contains("`slurm: kmeans` is not valid"));
        assert!(refused(json!({"merge": {"shards": 3}})).contains("unknown key of `slurm: merge`"));
        assert!(refused(json!({"shards": 0})).contains("`slurm: shards`"));
        assert!(refused(json!({"environment": "module load x"})).contains("`slurm: environment`"));
        assert!(refused(json!({"environment": ["a\nb"]})).contains("not a single line"));
        assert!(refused(json!({"variables": {"A B": 1}})).contains("`slurm: variables`"));
        assert!(refused(json!({"variables": {"A": [1]}})).contains("`slurm: variables`"));
        assert!(refused(json!({"binary": "/no/such/clustrata"})).contains("does not exist"));
        assert!(refused(json!({"mail": "me, you"})).contains("`slurm: mail`"));
        assert!(refused(json!({"keep_parts": 3})).contains("`slurm: keep_parts`"));
        assert!(refused(json!({"scratch": ""})).contains("`slurm: scratch`"));
        assert!(refused(json!([1])).contains("not valid"));
        let far = refused(json!({"colour": 3}));
        assert!(far.contains("one of: shards, ") && !far.contains("did you mean"), "{far}");
    }

    #[test]
    fn the_example_names_every_key_and_only_keys() {
        let example = include_str!("../../../configs/slurm-example.yaml");
        let block = |text: &str| -> Value { yaml::parse(text).expect("YAML").value["slurm"].clone() };
        Site::read(&block(example)).expect("the keys that are set are valid");
        let uncommented: String = example
            .lines()
            .map(|line| {
                line.strip_prefix("  # ")
                    .filter(|rest| !rest.starts_with('-'))
                    .map_or(line.to_owned(), |rest| format!("  {rest}"))
            })
            .filter(|line| !line.contains("site:") && !line.contains("binary:"))
            .map(|line| line + "\n")
            .collect();
        let everything = block(&uncommented);
        Site::read(&everything).expect("the keys that are commented out are valid, too");
        for key in BLOCK.into_iter().chain([MERGE, KMEANS, SITE]).chain(resources::names()) {
            assert!(everything.get(key).is_some() || example.contains(&format!("# {key}: ")), "`{key}` is missing");
        }
    }
}
