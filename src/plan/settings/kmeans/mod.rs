//! Settings of `kmeans`: upstream's keys as they are, and this program's own.

mod file;
mod settings;

use std::num::NonZero;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Checkpoint;
use super::values::{one_or_many, text_or_number};
use crate::kmeans::Init;
use crate::kmeans::sampling::Strategy;
pub use settings::{KmeansSettings, LevelSettings};

/// Heading of the options that have an entry for each level.
const LEVELS: &str = "Levels (lists have an entry a level, as 1000,100)";

/// Settings of `kmeans` as the user wrote them; what is absent was not written.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct KmeansOptions {
    /// Embeddings: one or several .npy files that form one matrix by rows, or a quoted glob
    #[arg(long, short, alias = "embeddings", value_name = "NPY", num_args = 1.., help_heading = "Input")]
    #[serde(deserialize_with = "one_or_many")]
    pub embeddings_path: Vec<String>,

    /// Cluster only these rows (.npy of integers); member j of level 1 is then row subset[j]
    #[arg(long, alias = "subset-indices", value_name = "NPY", help_heading = "Input")]
    pub subset_indices_path: Option<PathBuf>,

    /// Levels of the hierarchy [default: as many as n_clusters has entries]
    #[arg(long, value_name = "N", help_heading = LEVELS)]
    pub n_levels: Option<u32>,

    /// Clusters of each level
    #[arg(long, value_delimiter = ',', value_name = "LIST", help_heading = LEVELS)]
    #[serde(deserialize_with = "one_or_many")]
    pub n_clusters: Vec<u64>,

    /// Above 1, each cluster of the level is split into so many at most by a k-means of its own [default: 1]
    #[arg(long, value_delimiter = ',', value_name = "LIST", help_heading = LEVELS)]
    #[serde(deserialize_with = "one_or_many")]
    pub n_splits: Vec<u32>,

    /// Steps of each level in all: the first is of all points, each further one of points sampled from the clusters of the
    /// one before [default: 1]
    #[arg(long, value_delimiter = ',', value_name = "LIST", help_heading = LEVELS)]
    #[serde(deserialize_with = "one_or_many")]
    pub n_resampling_steps: Vec<u32>,

    /// Points sampled from each cluster for a further step; about half the mean size of a cluster is usual
    #[arg(long, value_delimiter = ',', value_name = "LIST", help_heading = LEVELS)]
    #[serde(deserialize_with = "one_or_many")]
    pub sample_size: Vec<u64>,

    /// Which points those are: `c` = closest to the centroid, `r` = random ones [default: c]
    #[arg(long, value_name = "WHICH", help_heading = LEVELS)]
    pub sampling_strategy: Option<Strategy>,

    /// Iterations of every k-means at most [default: 50]
    #[arg(long, value_name = "N", help_heading = "K-means")]
    pub n_iters: Option<NonZero<u32>>,

    /// Iterations end once the objective falls by less than this share of itself in one; 0 = never, as upstream [default: 0]
    #[arg(long, value_name = "SHARE", help_heading = "K-means")]
    pub tolerance: Option<f64>,

    /// How the first centroids are chosen [default: kmeans-plus-plus]
    #[arg(long, value_name = "HOW", help_heading = "K-means")]
    pub init: Option<Init>,

    /// Starts of every k-means; the one with the lowest objective is kept [default: 1]
    #[arg(long, value_name = "N", help_heading = "K-means")]
    pub inits: Option<NonZero<u32>>,

    /// Seed of everything random [default: 0]
    #[arg(long, value_name = "N", help_heading = "K-means")]
    pub seed: Option<u64>,

    /// What centroids are written as: float64, or float32 (also for float16). It changes nothing in how they are computed
    /// [default: float32]
    #[arg(long, value_name = "TYPE", help_heading = "K-means")]
    pub dtype: Option<Precision>,

    /// Accepted as upstream's, and of no effect: sums and centroids are always float64 here
    #[arg(long, value_name = "TYPE", help_heading = "K-means")]
    pub high_precision: Option<Precision>,

    /// Folder to write to [default: ./clustering]
    #[arg(long, short, alias = "exp-dir", value_name = "DIR", help_heading = "Output")]
    pub out: Option<PathBuf>,

    /// Replace an earlier clustering in the output folder
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", hide_possible_values = true, require_equals = true, help_heading = "Output")]
    pub force: Option<bool>,

    /// How often to write down how far a k-means is, as 30s or 5m, so that `--resume` goes on from there; `off` for never
    /// [default: 5m]
    #[arg(long, value_name = "TIME", help_heading = "Output")]
    pub checkpoint: Option<Checkpoint>,

    /// As in `metrics` [default: auto]
    #[arg(long, short, value_name = "WHICH", help_heading = "Device")]
    #[serde(deserialize_with = "text_or_number")]
    pub device: Option<String>,

    /// Threads of the CPU backend [default: all that the system grants]
    #[arg(long, value_name = "N", help_heading = "Device")]
    pub threads: Option<NonZero<usize>>,

    /// Upstream's keys that mean nothing here, as they are spelled there.
    #[arg(skip)]
    #[serde(skip)]
    pub foreign: Map<String, Value>,

    /// Whether the file was written by this program, which has then said what it has to say of its keys.
    #[arg(skip)]
    #[serde(skip)]
    pub ours: bool,
}

/// Upstream's names of element types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lowercase")]
pub enum Precision {
    /// 2 bytes.
    Float16,
    /// 4 bytes.
    #[default]
    Float32,
    /// 8 bytes.
    Float64,
}

impl KmeansOptions {
    /// These settings where they are written, else those of `file`.
    #[must_use]
    pub fn over(self, file: KmeansOptions) -> KmeansOptions {
        fn list<T>(flag: Vec<T>, file: Vec<T>) -> Vec<T> {
            if flag.is_empty() { file } else { flag }
        }
        KmeansOptions {
            embeddings_path: list(self.embeddings_path, file.embeddings_path),
            subset_indices_path: self.subset_indices_path.or(file.subset_indices_path),
            n_levels: self.n_levels.or(file.n_levels),
            n_clusters: list(self.n_clusters, file.n_clusters),
            n_splits: list(self.n_splits, file.n_splits),
            n_resampling_steps: list(self.n_resampling_steps, file.n_resampling_steps),
            sample_size: list(self.sample_size, file.sample_size),
            sampling_strategy: self.sampling_strategy.or(file.sampling_strategy),
            n_iters: self.n_iters.or(file.n_iters),
            tolerance: self.tolerance.or(file.tolerance),
            init: self.init.or(file.init),
            inits: self.inits.or(file.inits),
            seed: self.seed.or(file.seed),
            dtype: self.dtype.or(file.dtype),
            high_precision: self.high_precision.or(file.high_precision),
            out: self.out.or(file.out),
            force: self.force.or(file.force),
            checkpoint: self.checkpoint.or(file.checkpoint),
            device: self.device.or(file.device),
            threads: self.threads.or(file.threads),
            foreign: file.foreign,
            ours: file.ours,
        }
    }
}

#[cfg(test)]
mod tests;
