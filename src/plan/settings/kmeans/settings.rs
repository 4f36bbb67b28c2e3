//! Settings of `kmeans` as resolved: every one with its value, the lists of the levels turned into levels.

use std::num::NonZero;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{KmeansOptions, Precision};
use crate::base::error::{Error, Finding, Findings, Result};
use crate::base::matrix::Dtype;
use crate::formats::embeddings::expand;
use crate::kmeans::Init;
use crate::kmeans::sampling::Strategy;
use crate::plan::settings::Checkpoint;

/// Every setting of `kmeans` with its value. They fit each other; whether they fit the embeddings is still open.
#[derive(Debug, Clone, PartialEq)]
pub struct KmeansSettings {
    /// The embeddings, one matrix by rows.
    pub embeddings: Vec<PathBuf>,
    /// Row numbers of what is clustered; `None`: all rows.
    pub subset_indices: Option<PathBuf>,
    /// Level 1 first.
    pub levels: Vec<LevelSettings>,
    /// Which points further steps are fitted on.
    pub strategy: Strategy,
    /// Lloyd iterations of every k-means at most.
    pub iterations: u32,
    /// Share of the objective; 0: never.
    pub tolerance: f64,
    /// How the first centroids are chosen.
    pub init: Init,
    /// Starts of every k-means.
    pub inits: u32,
    /// Of everything random.
    pub seed: u64,
    /// As written; [`stored`](Self::stored) is what it means.
    pub dtype: Precision,
    /// As written; it means nothing here.
    pub high_precision: Precision,
    /// Folder of the clustering.
    pub out: PathBuf,
    /// Whether an earlier clustering there may be replaced.
    pub force: bool,
    /// How often a k-means is kept.
    pub checkpoint: Checkpoint,
    /// As in `metrics`.
    pub device: String,
    /// Of the CPU backend; `None`: all.
    pub threads: Option<NonZero<usize>>,
    /// Upstream's keys that mean nothing here, for config.yaml.
    pub foreign: Map<String, Value>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// What one level is asked to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LevelSettings {
    /// Clusters, k, before any are split.
    pub clusters: u64,
    /// Clusters that each of them is split into at most; 1: none is.
    pub splits: u32,
    /// Steps in all, at least 1.
    pub steps: u32,
    /// Points that each cluster gives to a further step.
    pub sample_size: u64,
}

impl LevelSettings {
    /// Clusters that the level has in the end, at most.
    #[must_use]
    pub fn most_clusters(&self) -> u64 {
        self.clusters.saturating_mul(self.splits.into())
    }
}

impl KmeansOptions {
    /// Every setting with its value; all that is wrong is told together.
    pub fn resolve(self) -> Result<KmeansSettings> {
        let mut findings = Findings::new();
        let embeddings = match expand(&self.embeddings_path) {
            Ok(paths) => {
                if paths.is_empty() {
                    let finding = Finding::new("no embeddings were named");
                    findings.push_usage(finding.hint("set embeddings_path in CONFIG, or add --embeddings-path X.npy"));
                }
                paths
            }
            Err(finding) => {
                findings.push(finding);
                Vec::new()
            }
        };
        let mut warnings = Vec::new();
        if !self.ours && !self.foreign.is_empty() {
            warnings.push(foreign_warning(&self.foreign));
        }
        let levels = levels(&self, &mut findings, &mut warnings);
        let tolerance = self.tolerance.unwrap_or(0.0);
        if !(0.0..1.0).contains(&tolerance) {
            let finding = Finding::new("the tolerance is no share of the objective").found(tolerance.to_string());
            findings.push_usage(finding.expected("tolerance from 0 to below 1, as 1e-4"));
        }
        if self.high_precision == Some(Precision::Float16) {
            let finding = Finding::new("high_precision is not high").found("float16");
            findings.push_usage(finding.expected("high_precision: float32 or float64, as upstream"));
        }
        findings.into_result()?;
        Ok(KmeansSettings {
            embeddings,
            subset_indices: self.subset_indices_path.filter(|path| !path.as_os_str().is_empty()),
            levels,
            strategy: self.sampling_strategy.unwrap_or_default(),
            iterations: self.n_iters.map_or(50, NonZero::get),
            tolerance,
            init: self.init.unwrap_or_default(),
            inits: self.inits.map_or(1, NonZero::get),
            seed: self.seed.unwrap_or(0),
            dtype: self.dtype.unwrap_or_default(),
            high_precision: self.high_precision.unwrap_or_default(),
            out: self.out.unwrap_or_else(|| PathBuf::from("clustering")),
            force: self.force.unwrap_or(false),
            checkpoint: self.checkpoint.unwrap_or_default(),
            device: self.device.unwrap_or_else(|| "auto".to_owned()),
            threads: self.threads,
            foreign: self.foreign,
            warnings,
        })
    }
}

/// The levels that the lists describe.
fn levels(options: &KmeansOptions, findings: &mut Findings, warnings: &mut Vec<String>) -> Vec<LevelSettings> {
    if options.n_clusters.is_empty() {
        let finding = Finding::new("the number of clusters is not set");
        findings.push_usage(finding.hint("set n_clusters, an entry for each level, as [1000, 100]"));
        return Vec::new();
    }
    let count = match options.n_levels {
        Some(0) => {
            let finding = Finding::new("a hierarchy of no levels").expected("n_levels of at least 1").found("0");
            findings.push_usage(finding);
            return Vec::new();
        }
        Some(levels) => levels as usize,
        None => options.n_clusters.len(),
    };
    // entries beyond the levels are left alone, as upstream does
    let lengths = [
        ("n_clusters", options.n_clusters.len()),
        ("n_splits", options.n_splits.len()),
        ("n_resampling_steps", options.n_resampling_steps.len()),
        ("sample_size", options.sample_size.len()),
    ];
    let short = |&(_, length): &(&str, usize)| 0 < length && length < count;
    let short: Vec<_> = lengths.into_iter().filter(short).collect();
    for (key, length) in &short {
        let finding = Finding::new(format!("`{key}` has too few entries"));
        let finding = finding.expected(format!("an entry for each of the {count} levels")).found(length.to_string());
        findings.push_usage(finding.hint(format!("add entries to {key}, or lower n_levels")));
    }
    if !short.is_empty() {
        return Vec::new();
    }
    let entry = |list: &[u32], level: usize| list.get(level).copied().unwrap_or(1);
    let level = |level: usize| LevelSettings {
        clusters: options.n_clusters[level],
        splits: entry(&options.n_splits, level),
        steps: entry(&options.n_resampling_steps, level),
        sample_size: options.sample_size.get(level).copied().unwrap_or(0),
    };
    let levels: Vec<LevelSettings> = (0..count).map(level).collect();
    for (number, level) in (1..).zip(&levels) {
        check_level(number, level, options.sample_size.is_empty(), findings);
    }
    for (number, pair) in (2..).zip(levels.windows(2)) {
        check_against_below(number, &pair[1], &pair[0], findings, warnings);
    }
    levels
}

fn check_level(number: u32, level: &LevelSettings, no_samples: bool, findings: &mut Findings) {
    let mut refuse = |what: &str, expected: &str, hint: &str| {
        let finding = Finding::new(what).level(number).expected(expected);
        findings.push_usage(if hint.is_empty() { finding.found("0") } else { finding.hint(hint) });
    };
    if level.clusters == 0 {
        refuse("a level without clusters", "n_clusters of at least 1", "");
    }
    if level.splits == 0 {
        refuse("clusters can't be split into none", "n_splits of at least 1, which leaves them whole", "");
    }
    if level.steps == 0 {
        refuse(
            "a level without steps",
            "n_resampling_steps of at least 1: the number of steps in all, the first included",
            "",
        );
    }
    if level.steps > 1 && level.sample_size == 0 {
        let hint = if no_samples { "set sample_size, an entry for each level" } else { "" };
        refuse("nothing would be sampled for further steps", "sample_size of at least 1", hint);
    }
    if level.splits > 1 && level.steps > 1 {
        refuse(
            "a level is to be split and resampled",
            "n_splits or n_resampling_steps to be 1, as upstream",
            "set one of them to 1 for this level",
        );
    }
}

/// Clusters of the level below are the points of this one.
fn check_against_below(
    number: u32,
    level: &LevelSettings,
    below: &LevelSettings,
    findings: &mut Findings,
    warnings: &mut Vec<String>,
) {
    let points = below.most_clusters();
    if points > 0 && level.clusters > points {
        let finding = Finding::new("a level has more clusters than points").level(number);
        let finding = finding.expected(format!("n_clusters of at most {points}, the clusters of level {}", number - 1));
        findings.push_usage(finding.found(level.clusters.to_string()));
    } else if points > 0 && level.clusters == points {
        warnings
            .push(format!("level {number} has as many clusters as level {}: it groups nothing ({points})", number - 1));
    }
}

fn foreign_warning(foreign: &Map<String, Value>) -> String {
    let names: Vec<&str> = foreign.keys().map(String::as_str).collect();
    format!(
        "without effect here: {}; use --device and --threads for where it runs, --checkpoint for how often it is kept, and \
         `clustrata submit` for Slurm",
        names.join(", ")
    )
}

impl KmeansSettings {
    /// What centroids are written as. Upstream's `dtype` says it; `high_precision` was only of its sums.
    #[must_use]
    pub fn stored(&self) -> Dtype {
        match self.dtype {
            Precision::Float64 => Dtype::F64,
            Precision::Float32 | Precision::Float16 => Dtype::F32,
        }
    }

    /// As config.yaml of the clustering: upstream's keys, all that its scripts look for, with absolute paths; and what is this
    /// program's own under one key. [`KmeansOptions::read`] reads it again, without `force`.
    pub fn to_yaml(&self) -> Result<String> {
        let mut yaml = self.upstream_keys();
        yaml.insert(super::file::OURS.to_owned(), Value::Object(self.own_keys()));
        let text = serde_saphyr::to_string(&yaml);
        text.map_err(|e| Error::failed(Finding::new("can't write the settings as YAML").found(e.to_string())))
    }

    fn own_keys(&self) -> Map<String, Value> {
        let own = json!({
            "seed": self.seed,
            "init": self.init,
            "inits": self.inits,
            "tolerance": self.tolerance,
            "checkpoint": self.checkpoint,
            "device": self.device,
            "threads": self.threads,
        });
        if let Value::Object(own) = own { own } else { Map::new() }
    }

    /// For the record.
    #[must_use]
    pub fn recorded(&self) -> Value {
        let mut keys = self.upstream_keys();
        self.foreign.keys().for_each(|key| {
            keys.remove(key);
        });
        keys.extend(self.own_keys());
        Value::Object(keys)
    }

    fn upstream_keys(&self) -> Map<String, Value> {
        let each = |value: fn(&LevelSettings) -> u64| self.levels.iter().map(value).collect::<Vec<u64>>();
        let ones = vec![1; self.levels.len()];
        let embeddings: Vec<String> = self.embeddings.iter().map(|path| absolute(path)).collect();
        let keys = json!({
            "n_levels": self.levels.len(),
            "n_iters": self.iterations,
            "n_clusters": each(|level| level.clusters),
            "n_splits": each(|level| level.splits.into()),
            "n_resampling_steps": each(|level| level.steps.into()),
            "sample_size": each(|level| level.sample_size.max(1)),
            "subset_indices_path": self.subset_indices.as_deref().map(absolute),
            "checkpoint_period": 1000,
            "dtype": self.dtype,
            "high_precision": self.high_precision,
            "ngpus_per_node": ones,
            "nnodes": ones,
            "ncpus_per_gpu": null,
            "sampling_strategy": self.strategy,
            "slurm_partition": null,
            "exp_dir": absolute(&self.out),
            // upstream knows one file only
            "embeddings_path": if let [one] = embeddings.as_slice() { json!(one) } else { json!(embeddings) },
        });
        let Value::Object(mut keys) = keys else { return Map::new() };
        keys.extend(self.foreign.clone());
        keys
    }
}

/// As text, which YAML and JSON want: what is no Unicode is replaced.
fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).to_string_lossy().into_owned()
}
