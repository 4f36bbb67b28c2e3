//! Resolved settings of `kmeans`: each with its value, and the per-level lists turned into levels.

use std::num::NonZero;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{FitRows, KmeansOptions, Precision};
use crate::base::error::{Error, Finding, Findings, Result};
use crate::base::matrix::Dtype;
use crate::base::{path_text, paths};
use crate::formats::embeddings::{Expanded, Matches, ReadOptions, expand};
use crate::kmeans::Init;
use crate::kmeans::sampling::Strategy;
use crate::plan::settings::values::device;
use crate::plan::settings::{Checkpoint, Scratch, Tracking};

/// All settings of `kmeans` with their values. They are consistent with each other, but not yet checked against the
/// embeddings.
#[derive(Debug, Clone, PartialEq)]
pub struct KmeansSettings {
    /// Files of the embeddings, joined by rows.
    pub embeddings: Vec<PathBuf>,
    /// The globs among the embeddings as written, with what they matched.
    pub matches: Vec<Matches>,
    /// File of the rows to cluster; `None` for all rows.
    pub subset_indices: Option<PathBuf>,
    /// Which arrays of the embeddings' files are read, and how.
    pub read: ReadOptions,
    /// The levels, level 1 first.
    pub levels: Vec<LevelSettings>,
    /// Which points later steps sample from each cluster.
    pub strategy: Strategy,
    /// Maximum number of Lloyd iterations of each k-means.
    pub iterations: u32,
    /// Stop if an iteration lowers the objective by less than this share; 0 for never.
    pub tolerance: f64,
    /// Whether rows are divided by their norm when they are read.
    pub normalize: bool,
    /// Whether centroids have norm 1.
    pub spherical: bool,
    /// How the first centroids are chosen.
    pub init: Init,
    /// Number of starts of each k-means.
    pub inits: u32,
    /// How many rows level 1 is fitted to; `None` for all, or those of `fit_indices`.
    pub fit_rows: Option<FitRows>,
    /// File of the rows that level 1 is fitted to.
    pub fit_indices: Option<PathBuf>,
    /// Seed of all random choices.
    pub seed: u64,
    /// As written; see [`stored`](Self::stored) for its effect.
    pub dtype: Precision,
    /// As written; no effect.
    pub high_precision: Precision,
    /// Folder of the clustering.
    pub out: PathBuf,
    /// Whether to replace an earlier clustering in `out`.
    pub force: bool,
    /// How often to save the progress of a k-means.
    pub checkpoint: Checkpoint,
    /// Folder on the machine's own disk that rows are copied to, as written.
    pub scratch: Option<Scratch>,
    /// Device, as in `clustrata metrics`.
    pub device: String,
    /// Number of threads of the CPU backend; `None` for all.
    pub threads: Option<NonZero<usize>>,
    /// Network interface at which other processes reach this one, by its name or address; `None` for all.
    pub interface: Option<String>,
    /// Whether the kernels of a GPU are not timed.
    pub no_tuning: bool,
    /// Experiment tracking.
    pub tracking: Tracking,
    /// Upstream's keys that have no effect here; copied to config.yaml.
    pub foreign: Map<String, Value>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
}

/// Settings of one level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LevelSettings {
    /// Number of clusters before splitting, k.
    pub clusters: u64,
    /// Maximum number of clusters that each cluster is split into; 1 for no split.
    pub splits: u32,
    /// Number of steps, at least 1.
    pub steps: u32,
    /// Points sampled from each cluster for a later step.
    pub sample_size: u64,
}

impl LevelSettings {
    /// Maximum number of clusters of the level after splitting.
    #[must_use]
    pub fn most_clusters(&self) -> u64 {
        self.clusters.saturating_mul(self.splits.into())
    }
}

impl KmeansOptions {
    /// Resolves all settings.
    ///
    /// # Errors
    /// All findings together: settings that are missing, out of range or contradictory.
    pub fn resolve(self) -> Result<KmeansSettings> {
        let mut findings = Findings::new();
        let embeddings = match expand(&self.embeddings_path) {
            Ok(paths) => {
                if paths.files.is_empty() {
                    let finding = Finding::new("no embeddings were named");
                    findings.push_usage(finding.hint("set embeddings_path in CONFIG, or add --embeddings-path X.npy"));
                }
                paths
            }
            Err(finding) => {
                findings.push(finding);
                Expanded::default()
            }
        };
        let mut warnings = Vec::new();
        if !self.ours && !self.foreign.is_empty() {
            warnings.push(foreign_warning(&self.foreign));
        }
        let levels = levels(&self, &mut findings, &mut warnings);
        let tolerance = self.tolerance.unwrap_or(0.0);
        if !(0.0..1.0).contains(&tolerance) {
            let finding = Finding::new("the tolerance is not a share of the objective").found(tolerance.to_string());
            findings.push_usage(finding.expected("a tolerance of at least 0 and below 1, for example 1e-4"));
        }
        if self.high_precision == Some(Precision::Float16) {
            let finding = Finding::new("high_precision is too low").found("float16");
            findings.push_usage(finding.expected("high_precision: float32 or float64, as in upstream"));
        }
        if self.fit_rows.is_some() && self.fit_indices.is_some() {
            let finding = Finding::new("`fit-rows` and `fit-indices` both say which rows are fitted");
            findings.push_usage(finding.hint("keep one of them"));
        }
        let spherical = self.spherical.unwrap_or(false);
        if spherical && self.normalize == Some(false) {
            let finding = Finding::new("spherical k-means needs rows of norm 1").found("normalize: false");
            findings.push_usage(finding.hint("remove `normalize: false`, or `spherical`"));
        }
        let device = device(self.device).map_err(|finding| findings.push_usage(finding)).ok();
        findings.into_result()?;
        let scratch = self.scratch.map(Scratch::new);
        Ok(KmeansSettings {
            embeddings: embeddings.files,
            matches: embeddings.matches,
            subset_indices: self.subset_indices_path.filter(|path| !path.as_os_str().is_empty()),
            read: ReadOptions {
                array: self.array,
                column: self.column,
                untyped: self.embeddings_dtype,
                scratch: scratch.as_ref().and_then(|scratch| scratch.folder().ok()),
            },
            scratch,
            levels,
            strategy: self.sampling_strategy.unwrap_or_default(),
            iterations: self.n_iters.map_or(50, NonZero::get),
            tolerance,
            normalize: self.normalize.unwrap_or(spherical),
            spherical,
            init: self.init.unwrap_or_default(),
            inits: self.inits.map_or(1, NonZero::get),
            fit_rows: self.fit_rows,
            fit_indices: self.fit_indices,
            seed: self.seed.unwrap_or(0),
            dtype: self.dtype.unwrap_or_default(),
            high_precision: self.high_precision.unwrap_or_default(),
            out: self.out.unwrap_or_else(|| PathBuf::from("clustering")),
            force: self.force.unwrap_or(false),
            checkpoint: self.checkpoint.unwrap_or_default(),
            device: device.unwrap_or_default(),
            threads: self.threads,
            interface: self.interface,
            no_tuning: self.no_tuning.unwrap_or(false),
            tracking: self.tracking,
            foreign: self.foreign,
            warnings,
        })
    }
}

/// The levels described by the per-level lists.
fn levels(options: &KmeansOptions, findings: &mut Findings, warnings: &mut Vec<String>) -> Vec<LevelSettings> {
    if options.n_clusters.is_empty() {
        let finding = Finding::new("the number of clusters is not set");
        findings.push_usage(finding.hint("set n_clusters to one entry per level, for example [1000, 100]"));
        return Vec::new();
    }
    let count = match options.n_levels {
        Some(0) => {
            let finding = Finding::new("a hierarchy without levels").expected("n_levels of at least 1").found("0");
            findings.push_usage(finding);
            return Vec::new();
        }
        Some(levels) => levels as usize,
        None => options.n_clusters.len(),
    };
    // surplus entries are ignored, as in upstream
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
        let finding = finding.expected(format!("one entry for each of the {count} levels")).found(length.to_string());
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
        refuse("clusters can't be split into zero clusters", "n_splits of at least 1; 1 means no split", "");
    }
    if level.steps == 0 {
        refuse(
            "a level without steps",
            "n_resampling_steps of at least 1: the number of steps, including the first",
            "",
        );
    }
    if level.steps > 1 && level.sample_size == 0 {
        let hint = if no_samples { "set sample_size to one entry per level" } else { "" };
        refuse("later steps would sample no points", "sample_size of at least 1", hint);
    }
    if level.splits > 1 && level.steps > 1 {
        refuse(
            "a level can't be both split and resampled",
            "n_splits or n_resampling_steps of 1, as in upstream",
            "set one of them to 1 for this level",
        );
    }
}

/// Checks a level against the level below, whose clusters are its points.
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
        warnings.push(format!(
            "level {number} has as many clusters ({points}) as level {}, so it groups nothing",
            number - 1
        ));
    }
}

fn foreign_warning(foreign: &Map<String, Value>) -> String {
    let names: Vec<&str> = foreign.keys().map(String::as_str).collect();
    format!(
        "keys without effect here: {}; use --device and --threads to choose where to run, --checkpoint to choose how often to \
         save, and `clustrata submit` for Slurm",
        names.join(", ")
    )
}

impl KmeansSettings {
    /// Element type of stored centroids. Upstream's `dtype` decides it; `high_precision` concerns upstream's sums only.
    #[must_use]
    pub fn stored(&self) -> Dtype {
        match self.dtype {
            Precision::Float64 => Dtype::F64,
            Precision::Float32 | Precision::Float16 => Dtype::F32,
        }
    }

    /// The config.yaml of the clustering: all of upstream's keys that its scripts read, with absolute paths, and this program's
    /// own settings under one key. [`KmeansOptions::read`] accepts it. `force` is left out.
    ///
    /// # Errors
    /// `Failed` if the settings can't be serialized.
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
            "normalize": self.normalize,
            "spherical": self.spherical,
            "fit-rows": self.fit_rows,
            "fit-indices": self.fit_indices.as_deref().map(absolute),
            "checkpoint": self.checkpoint,
            "device": self.device,
            "threads": self.threads,
            "interface": self.interface,
            "no-tuning": self.no_tuning,
        });
        let Value::Object(mut own) = own else { return Map::new() };
        let ReadOptions { array, column, untyped, .. } = &self.read;
        let read = [("array", json!(array)), ("column", json!(column)), ("embeddings-dtype", json!(untyped))];
        let tracking = serde_json::to_value(&self.tracking).unwrap_or_default();
        let tracking = tracking.as_object().cloned().unwrap_or_default().into_iter();
        own.extend(
            tracking.filter(|(_, value)| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty())),
        );
        own.extend(read.into_iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| (key.to_owned(), value)));
        // as it was written: a batch job's own folder is gone with the job
        own.extend(self.scratch.clone().map(|scratch| ("scratch".to_owned(), json!(scratch.absolute()))));
        own
    }

    /// The settings as written to kmeans.json.
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
            // upstream supports only one file
            "embeddings_path": if let [one] = embeddings.as_slice() { json!(one) } else { json!(embeddings) },
        });
        let Value::Object(mut keys) = keys else { return Map::new() };
        keys.extend(self.foreign.clone());
        keys
    }
}

/// An absolute path as text.
fn absolute(path: &Path) -> String {
    let path = paths::absolute_or_same(path);
    path_text::to_text(&path).unwrap_or_else(|| path.to_string_lossy()).into_owned()
}
