//! Settings: as written (command line and `--config`), then as resolved (every one with its value).
//!
//! The same struct is the command line and the file: a key of the file is the flag's long name, with `-` or `_`. A flag
//! beats the file. An unknown key is an error that names the nearest one.

mod checkpoint;
mod figures;
mod settings;
mod silhouette;
mod values;

use std::num::NonZero;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory, ValueEnum};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Finding, Result};
use crate::evaluate::Nonfinite;
use crate::metrics;
pub use checkpoint::Checkpoint;
pub use settings::Settings;
pub use silhouette::Silhouette;
use values::{one_or_many, text_or_number};

/// Settings of `metrics` as the user wrote them; what is absent was not written.
#[allow(rustdoc::broken_intra_doc_links, reason = "these texts are the help on the command line: [n] is a shape there")]
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Options {
    /// Folder of the hierarchy: level1, level2, ... as ssl-data-curation writes it
    #[arg(value_name = "CLUSTERING")]
    pub clustering: Option<PathBuf>,

    /// Embeddings: one or several .npy files that form one matrix by rows, or a quoted glob. Default: embeddings_path of
    /// the hierarchy's config.yaml
    #[arg(long, short, value_name = "NPY", num_args = 1.., help_heading = "Input")]
    #[serde(deserialize_with = "one_or_many")]
    pub embeddings: Vec<String>,

    /// Names of the images, row i names point i: .pkl (paths or (path, caption)), .txt, .csv with a `path` column, .npy.
    /// Montages are made where this is given
    #[arg(long, short, value_name = "FILE", help_heading = "Input")]
    pub images: Option<PathBuf>,

    /// Folder that relative image paths start from. Default: the folder of --images
    #[arg(long, value_name = "DIR", help_heading = "Input")]
    pub image_root: Option<PathBuf>,

    /// Rows that were clustered (.npy of integers); member j of level 1 is then row subset[j]. Default:
    /// subset_indices_path of the hierarchy's config.yaml
    #[arg(long, value_name = "NPY", help_heading = "Input")]
    pub subset_indices: Option<PathBuf>,

    /// What each row is: .npy of integers or strings, .txt with a label per line, .csv with a `label` column; empty or -1
    /// where it is not known. Adds purity and the agreement of the clusters with the labels (ari, ami, nmi, ...)
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    pub labels: Option<PathBuf>,

    /// Accept rows that are in no cluster; they enter no figure
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", hide_possible_values = true, require_equals = true, help_heading = "Input")]
    pub allow_unassigned: Option<bool>,

    /// Rows with NaN or infinite values: refuse the embeddings, or leave those rows out of every figure [default: refuse]
    #[arg(long, value_name = "POLICY", help_heading = "Input")]
    pub nonfinite: Option<Nonfinite>,

    /// Levels to evaluate, as 1,3 [default: all]
    #[arg(long, value_delimiter = ',', value_name = "LIST", help_heading = "Figures")]
    #[serde(deserialize_with = "one_or_many")]
    pub levels: Vec<u32>,

    /// Figures to compute: `fast` (one pass over the embeddings), `all`, or names such as inertia,mean-distance (see below).
    /// Default: all but those that would take long on this device, which are named
    #[arg(long, value_delimiter = ',', value_name = "LIST", help_heading = "Figures")]
    #[serde(deserialize_with = "one_or_many")]
    pub metrics: Vec<String>,

    /// Exact silhouettes: `exact` = of all points, `sample:N` = of N points against all, with the standard error, `off`
    /// [default: exact, where it is among the figures]
    #[arg(long, value_name = "WHICH", help_heading = "Figures")]
    pub silhouette: Option<Silhouette>,

    /// Begin even what will take more than ten minutes beyond the pass over the embeddings
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", hide_possible_values = true, require_equals = true, help_heading = "Figures")]
    pub yes: Option<bool>,

    /// End with exit code 5 where this is so, as 'level1.silhouette < 0.1', or where the figure is not defined; may be given
    /// several times. On levelN, level* or any (of the levels), all (of them), with < <= > >= == !=
    #[arg(long, value_name = "CONDITION", help_heading = "Figures")]
    #[serde(deserialize_with = "one_or_many")]
    pub fail_if: Vec<String>,

    /// Also write distances: `own` = of every row to its own centroid [n], `all` = to every centroid [n, k] [default: none]
    #[arg(long, value_name = "WHICH", help_heading = "Output")]
    pub distances: Option<Distances>,

    /// Folder to write to [default: CLUSTERING/metrics]
    #[arg(long, short, value_name = "DIR", help_heading = "Output")]
    pub out: Option<PathBuf>,

    /// Replace the results of an earlier run in the output folder
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", hide_possible_values = true, require_equals = true, help_heading = "Output")]
    pub force: Option<bool>,

    /// How often to write down how far the run is, as 30s or 5m, so that `--resume` goes on from there; `off` for never
    /// [default: 5m]
    #[arg(long, value_name = "TIME", help_heading = "Output")]
    pub checkpoint: Option<Checkpoint>,

    /// Folder on this machine's own disk: the embeddings are copied there first, once for all processes of the machine, and
    /// read from there; $TMPDIR of a batch job. Default: they are read where they are
    #[arg(long, value_name = "DIR", help_heading = "Input")]
    pub scratch: Option<PathBuf>,

    /// auto, gpu, cpu, a number of `clustrata devices`, or a part of a device's name. `auto` takes a discrete GPU, then an
    /// integrated one, then the CPU; `gpu` never becomes the CPU [default: auto]
    #[arg(long, short, value_name = "WHICH", help_heading = "Device")]
    #[serde(deserialize_with = "text_or_number")]
    pub device: Option<String>,

    /// Threads of the CPU backend [default: all that the system grants]
    #[arg(long, value_name = "N", help_heading = "Device")]
    pub threads: Option<NonZero<usize>>,

    /// Rows that are read, uploaded and computed together [default: by the device]
    #[arg(long, value_name = "N", help_heading = "Device")]
    pub tile_rows: Option<NonZero<usize>>,

    /// Montages of so many of the best clusters of each level [default: 5]
    #[arg(long, value_name = "N", help_heading = "Montages")]
    pub best: Option<usize>,

    /// Montages of so many of the worst clusters of each level [default: 5]
    #[arg(long, value_name = "N", help_heading = "Montages")]
    pub worst: Option<usize>,

    /// Images in a montage at most [default: 20]
    #[arg(long, value_name = "N", help_heading = "Montages")]
    pub montage_size: Option<NonZero<usize>>,

    /// Rank only clusters with at least so many points [default: 10]
    #[arg(long, value_name = "N", help_heading = "Montages")]
    pub montage_min_size: Option<u64>,

    /// Figure of clusters that decides best and worst [default: inertia]
    #[arg(long, value_name = "COLUMN", help_heading = "Montages")]
    pub rank_by: Option<String>,

    /// Which members a montage shows [default: closest]
    #[arg(long, value_name = "WHICH", help_heading = "Montages")]
    pub sample: Option<Sample>,

    /// Seed of everything random [default: 0]
    #[arg(long, value_name = "N", help_heading = "Montages")]
    pub seed: Option<u64>,
}

/// Which distances are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Distances {
    /// None.
    #[default]
    None,
    /// Of every row to its own centroid: f4 `[n]` a level.
    Own,
    /// Of every row to every centroid as well: f4 `[n, k]` a level.
    All,
}

/// Which members of a cluster a montage shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sample {
    /// The closest to the centroid, closest first.
    #[default]
    Closest,
    /// The farthest from it, farthest first.
    Farthest,
    /// A seeded random choice.
    Random,
}

/// A command that has only [`Options`], to ask for their names.
#[derive(clap::Parser)]
struct Names {
    #[command(flatten)]
    _options: Options,
}

impl Options {
    /// Reads a config file.
    pub fn read(path: &Path) -> Result<Options> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| Error::usage(Finding::io("can't read the config file", path, &e)))?;
        Self::parse(&text).map_err(|finding| Error::usage(finding.file(path)))
    }

    /// Parses a config file's text.
    ///
    /// # Errors
    /// What YAML or the settings' types don't allow, and unknown keys.
    pub fn parse(text: &str) -> Result<Options, Finding> {
        let invalid = |e: &dyn std::fmt::Display| Finding::new("the config file is not valid").found(e.to_string());
        // an empty file, or one of comments only, sets nothing
        let value: Option<Value> = serde_saphyr::from_str(text).map_err(|e| invalid(&e))?;
        let map = match value {
            None | Some(Value::Null) => return Ok(Options::default()),
            Some(Value::Object(map)) => map,
            Some(other) => {
                return Err(invalid(&"a single value").expected("`key: value` lines").found(other.to_string()));
            }
        };
        let command = Names::command();
        let known: Vec<String> = command.get_arguments().map(|a| a.get_id().as_str().replace('_', "-")).collect();
        let mut settings = serde_json::Map::new();
        for (key, value) in map {
            let key = key.replace('_', "-");
            if !known.contains(&key) {
                return Err(metrics::unknown("key", &key, known.iter().map(String::as_str)));
            }
            if !value.is_null() {
                settings.insert(key, value);
            }
        }
        let explain = |key: &str, e: serde_json::Error| invalid(&e).what_of(key);
        // one key at a time, so that an error can name it
        for (key, value) in &settings {
            let one = Value::Object(std::iter::once((key.clone(), value.clone())).collect());
            serde_json::from_value::<Options>(one).map_err(|e| explain(key, e))?;
        }
        serde_json::from_value(Value::Object(settings)).map_err(|e| invalid(&e))
    }

    /// These settings where they are written, else those of `file`.
    #[must_use]
    pub fn over(self, file: Options) -> Options {
        fn list<T>(flag: Vec<T>, file: Vec<T>) -> Vec<T> {
            if flag.is_empty() { file } else { flag }
        }
        Options {
            clustering: self.clustering.or(file.clustering),
            embeddings: list(self.embeddings, file.embeddings),
            images: self.images.or(file.images),
            image_root: self.image_root.or(file.image_root),
            subset_indices: self.subset_indices.or(file.subset_indices),
            labels: self.labels.or(file.labels),
            allow_unassigned: self.allow_unassigned.or(file.allow_unassigned),
            nonfinite: self.nonfinite.or(file.nonfinite),
            levels: list(self.levels, file.levels),
            metrics: list(self.metrics, file.metrics),
            silhouette: self.silhouette.or(file.silhouette),
            yes: self.yes.or(file.yes),
            fail_if: list(self.fail_if, file.fail_if),
            distances: self.distances.or(file.distances),
            out: self.out.or(file.out),
            force: self.force.or(file.force),
            checkpoint: self.checkpoint.or(file.checkpoint),
            scratch: self.scratch.or(file.scratch),
            device: self.device.or(file.device),
            threads: self.threads.or(file.threads),
            tile_rows: self.tile_rows.or(file.tile_rows),
            best: self.best.or(file.best),
            worst: self.worst.or(file.worst),
            montage_size: self.montage_size.or(file.montage_size),
            montage_min_size: self.montage_min_size.or(file.montage_min_size),
            rank_by: self.rank_by.or(file.rank_by),
            sample: self.sample.or(file.sample),
            seed: self.seed.or(file.seed),
        }
    }
}

impl Finding {
    /// The same finding, about one key of the config file.
    fn what_of(self, key: &str) -> Finding {
        let found = self.to_string();
        Finding::new(format!("the config file's value of `{key}` is not valid"))
            .found(found.lines().last().unwrap_or_default().trim_start_matches("  found:").trim().to_owned())
            .hint("see `clustrata metrics --help` for what it takes")
    }
}

#[cfg(test)]
mod tests;
