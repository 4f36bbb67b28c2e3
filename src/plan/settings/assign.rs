//! Settings of `assign`.

use std::num::NonZero;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::file;
use super::layer::options;
#[cfg(feature = "cli")]
use super::values::pattern;
use super::values::{device, one_or_many, text_or_number};
use super::{Checkpoint, Reading};
use crate::base::error::{Error, Finding, Findings, Result};
use crate::base::{path_text, paths};
use crate::evaluate::Nonfinite;
use crate::formats::embeddings::{self, Expanded, Matches, ReadOptions};

options! {
    /// Settings of `assign` as the user wrote them; absent ones were not given.
    pub struct AssignOptions {
        /// Folder of the clustering: level1, level2, ... Of level 1, only centroids.npy is read
        #[arg(value_name = "CLUSTERING")]
        pub clustering: Option<PathBuf>,

        /// Assign the rows of these files (or a quoted glob), joined by rows: .npy, .npz, .parquet, .safetensors, .fbin, .fvecs
        /// and others
        #[arg(long, short, value_name = "FILES", num_args = 1.., value_parser = pattern(), help_heading = "Input")]
        #[serde(deserialize_with = "one_or_many")]
        pub embeddings: Vec<String>,

        /// Assign to these centroids (.npy, [k, d]) in place of CLUSTERING's; several files are levels of their own, level 1
        /// first
        #[arg(long, value_delimiter = ',', value_name = "NPY", help_heading = "Input")]
        #[serde(deserialize_with = "one_or_many")]
        pub centroids: Vec<String>,

        /// Refuse embeddings with NaN, infinite values or values beyond float32, or skip those rows: their label is -1
        /// [default: refuse]
        #[arg(long, value_name = "POLICY", help_heading = "Input")]
        pub nonfinite: Option<Nonfinite>,

        /// Which arrays of the embeddings' files are read.
        #[command(flatten)]
        #[serde(flatten)]
        pub reading: Reading,

        /// Divide every row by its Euclidean norm as it is read; rows of zeros count as non-finite [default: as `clustrata
        /// kmeans` made the clustering, else false]
        #[switch("Input")]
        pub normalize: Option<bool>,

        /// Search the nearest centroid of each level, also above level 1, where labels otherwise follow the hierarchy
        /// [default: false; true for several --centroids]
        #[switch("Assignment")]
        pub each_level: Option<bool>,

        /// Write labels, distances and margins as arrays (`npy`), or as one table with a row per row of the embeddings
        /// (`csv`, `parquet`) [default: npy]
        #[arg(long, value_name = "FORMAT", help_heading = "Output")]
        pub format: Option<AssignFormat>,

        /// Write results to this folder [default: ./assigned]
        #[arg(long, short, value_name = "DIR", help_heading = "Output")]
        pub out: Option<PathBuf>,

        /// Replace the results of an earlier assignment in the output folder [default: false]
        #[switch("Output")]
        pub force: Option<bool>,

        /// Save progress for `--resume` at this interval, e.g. 30s or 5m; `off` = never [default: 5m]
        #[arg(long, value_name = "TIME", help_heading = "Output")]
        pub checkpoint: Option<Checkpoint>,

        /// Compute on this device, as in `clustrata metrics` [default: auto]
        #[arg(long, short, value_name = "WHICH", help_heading = "Device")]
        #[serde(deserialize_with = "text_or_number")]
        pub device: Option<String>,

        /// Limit the CPU backend to N threads [default: all available]
        #[arg(long, value_name = "N", help_heading = "Device")]
        pub threads: Option<NonZero<usize>>,

        /// Process N rows at a time [default: chosen for the device]
        #[arg(long, value_name = "N", help_heading = "Device")]
        pub tile_rows: Option<NonZero<usize>>,

        /// Do not time the kernels of a GPU, as in `clustrata metrics` [default: false]
        #[switch("Device")]
        pub no_tuning: Option<bool>,
    }
}

/// How labels, distances and margins are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum AssignFormat {
    /// Arrays: levelL/labels.npy, levelL/distances.npy, level1/margins.npy.
    #[default]
    Npy,
    /// One table, assigned.csv.
    Csv,
    /// One table, assigned.parquet.
    Parquet,
}

/// All settings of `assign` with their values, as recorded and as written to config.yaml.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the fields are those of AssignOptions, resolved")]
pub struct AssignSettings {
    pub clustering: Option<PathBuf>,
    #[serde(serialize_with = "path_text::serialize_all")]
    pub embeddings: Vec<PathBuf>,
    /// The globs among the embeddings as written, with what they matched.
    #[serde(skip)]
    pub matches: Vec<Matches>,
    #[serde(serialize_with = "path_text::serialize_all")]
    pub centroids: Vec<PathBuf>,
    pub nonfinite: Nonfinite,
    #[serde(flatten)]
    pub reading: Reading,
    /// `None` for as the clustering was made.
    pub normalize: Option<bool>,
    pub each_level: bool,
    pub format: AssignFormat,
    pub out: PathBuf,
    pub force: bool,
    pub checkpoint: Checkpoint,
    pub device: String,
    pub threads: Option<NonZero<usize>>,
    pub tile_rows: Option<NonZero<usize>>,
    pub no_tuning: bool,
}

impl AssignOptions {
    /// Reads a config file.
    ///
    /// # Errors
    /// `Usage` if the file can't be read or is not valid; all bad keys are reported together.
    pub fn read(path: &std::path::Path) -> Result<AssignOptions> {
        let (document, place) = file::read(path)?;
        let keys = file::keys(document.value.clone()).map_err(|wrong| place.refuse(wrong))?;
        file::of_keys(keys, "assign", &document, &place)
    }

    /// Converts the content of a config file.
    ///
    /// # Errors
    /// As [`AssignOptions::read`].
    pub fn of_value(value: serde_json::Value) -> Result<AssignOptions> {
        let (document, place) = Default::default();
        file::of_keys(file::keys(value).map_err(Error::usage)?, "assign", &document, &place)
    }

    /// Resolves all settings.
    ///
    /// # Errors
    /// `Usage` for settings that are missing or contradict each other; `Input` if no file matches `embeddings`.
    pub fn resolve(self) -> Result<AssignSettings> {
        let mut findings = Findings::new();
        let mut usage = |what: &str, hint: &str| findings.push_usage(Finding::new(what).hint(hint));
        match (&self.clustering, self.centroids.as_slice()) {
            (None, []) => usage(
                "neither a clustering nor centroids were named",
                "clustrata assign CLUSTERING --embeddings X.npy, or --centroids C.npy in place of CLUSTERING",
            ),
            (Some(_), [_, ..]) => usage("a clustering and centroids were named", "name one of them"),
            _ => {}
        }
        if self.embeddings.is_empty() {
            usage("no embeddings were named", "add --embeddings X.npy: the rows to assign");
        }
        if self.centroids.len() > 1 && self.each_level == Some(false) {
            usage("bare centroids have no parents", "leave --each-level out: each level is searched on its own");
        }
        if self.format == Some(AssignFormat::Parquet) && !cfg!(feature = "parquet") {
            usage("clustrata was built without Parquet", "choose --format csv or npy");
        }
        let device = device(self.device).map_err(|finding| findings.push_usage(finding)).ok();
        let embeddings = match self.embeddings.as_slice() {
            [] => Expanded::default(),
            patterns => embeddings::expand(patterns).unwrap_or_else(|finding| {
                findings.push(finding);
                Expanded::default()
            }),
        };
        findings.into_result()?;
        Ok(AssignSettings {
            each_level: self.each_level.unwrap_or(self.centroids.len() > 1),
            clustering: self.clustering,
            embeddings: embeddings.files,
            matches: embeddings.matches,
            centroids: self.centroids.iter().map(|path| path_text::from_text(path)).collect(),
            nonfinite: self.nonfinite.unwrap_or_default(),
            reading: self.reading,
            normalize: self.normalize,
            format: self.format.unwrap_or_default(),
            out: self.out.unwrap_or_else(|| PathBuf::from("assigned")),
            force: self.force.unwrap_or(false),
            checkpoint: self.checkpoint.unwrap_or_default(),
            device: device.unwrap_or_default(),
            threads: self.threads,
            tile_rows: self.tile_rows,
            no_tuning: self.no_tuning.unwrap_or(false),
        })
    }
}

impl AssignSettings {
    /// Which arrays of the embeddings' files are read, and how.
    #[must_use]
    pub fn read_options(&self) -> ReadOptions {
        self.reading.options(None)
    }

    /// The same settings with absolute paths, for use from another working directory.
    #[must_use]
    pub fn absolute(mut self) -> AssignSettings {
        let paths = self.clustering.iter_mut().chain([&mut self.out]).chain(&mut self.centroids);
        for path in paths.chain(&mut self.embeddings) {
            *path = paths::absolute_or_same(path);
        }
        self
    }

    /// The settings as YAML that `--config` accepts.
    ///
    /// # Errors
    /// `Failed` if a path is not UTF-8.
    pub fn to_yaml(&self) -> Result<String> {
        // `force` must be requested again when this file is reused with --config
        let settings = AssignSettings { force: false, ..self.clone() };
        let text = serde_saphyr::to_string(&settings);
        text.map_err(|e| Error::failed(Finding::new("can't write the settings as YAML").found(e.to_string())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(json: serde_json::Value) -> AssignOptions {
        AssignOptions::of_value(json).expect("valid keys")
    }

    #[test]
    fn written_settings_are_read_back() {
        let given = serde_json::json!({"centroids": ["c.npy", "d.npy"], "embeddings": "x.npy", "nonfinite": "skip"});
        let settings = options(given).resolve().expect("resolves");
        assert!(settings.each_level, "bare levels have no parents");
        let value = serde_json::to_value(&settings).expect("JSON");
        let again = options(value).resolve().expect("resolves");
        assert_eq!(again, AssignSettings { matches: again.matches.clone(), ..settings });
    }

    #[test]
    fn what_is_missing_or_contradictory_is_refused_together() {
        let text = options(serde_json::json!({})).resolve().expect_err("refused").to_string();
        assert!(text.contains("neither a clustering") && text.contains("no embeddings"), "{text}");
        let both = serde_json::json!({"clustering": "h", "centroids": ["c.npy", "d.npy"], "embeddings": "x.npy",
            "each-level": false});
        let text = options(both).resolve().expect_err("refused").to_string();
        assert!(text.contains("name one of them") && text.contains("no parents"), "{text}");
    }
}
