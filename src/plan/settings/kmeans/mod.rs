//! Settings of `kmeans`: upstream's keys unchanged, and this program's own.

mod file;
mod fit_rows;
mod settings;

use std::num::NonZero;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::layer::options;
#[cfg(feature = "cli")]
use super::values::pattern;
use super::values::{one_or_many, text_or_number};
use super::{Checkpoint, Tracking};
use crate::formats::embeddings::Untyped;
use crate::kmeans::Init;
use crate::kmeans::sampling::Strategy;
pub use fit_rows::FitRows;
pub use settings::{KmeansSettings, LevelSettings};

/// Help heading of the options with one entry per level.
#[cfg(feature = "cli")]
const LEVELS: &str = "Levels (lists have one entry per level, e.g. 1000,100)";

options! {
    /// Settings of `kmeans` as the user wrote them; absent ones were not given.
    pub struct KmeansOptions {
        /// Read the embeddings from these files (or a quoted glob), joined by rows: .npy, .npz, .parquet, .safetensors, .fbin,
        /// .fvecs and others
        #[arg(long, short, alias = "embeddings", value_name = "FILE", num_args = 1.., value_parser = pattern(),
            help_heading = "Input")]
        #[serde(deserialize_with = "one_or_many")]
        pub embeddings_path: Vec<String>,

        /// Cluster only these rows (.npy of integers): member j of level 1 is row subset[j] [default: all rows]
        #[arg(long, alias = "subset-indices", value_name = "NPY", help_heading = "Input")]
        pub subset_indices_path: Option<PathBuf>,

        /// Read this array of .npz or .safetensors embeddings [default: the only matrix]
        #[arg(long, value_name = "NAME", help_heading = "Input")]
        pub array: Option<String>,

        /// Read this column of Parquet embeddings, or a column for each dimension by a glob such as 'x*' [default: the only
        /// column of lists, or all columns of floats]
        #[arg(long, value_name = "NAME", help_heading = "Input")]
        pub column: Option<String>,

        /// Read elements of embeddings without a type, NumPy's V2, as this type
        #[arg(long, value_name = "TYPE", help_heading = "Input")]
        pub embeddings_dtype: Option<Untyped>,

        /// Make N levels [default: the number of entries of n_clusters]
        #[arg(long, value_name = "N", help_heading = LEVELS)]
        pub n_levels: Option<u32>,

        /// Number of clusters, per level
        #[arg(long, value_delimiter = ',', value_name = "LIST", help_heading = LEVELS)]
        #[serde(deserialize_with = "one_or_many")]
        pub n_clusters: Vec<u64>,

        /// Split each cluster of the level into at most this many by another k-means [default: 1, no split]
        #[arg(long, value_delimiter = ',', value_name = "LIST", help_heading = LEVELS)]
        #[serde(deserialize_with = "one_or_many")]
        pub n_splits: Vec<u32>,

        /// Number of steps, per level: the first clusters all points, each later one clusters points sampled from the
        /// clusters of the step before [default: 1]
        #[arg(long, value_delimiter = ',', value_name = "LIST", help_heading = LEVELS)]
        #[serde(deserialize_with = "one_or_many")]
        pub n_resampling_steps: Vec<u32>,

        /// Sample this many points per cluster for later steps; usually half the mean cluster size
        #[arg(long, value_delimiter = ',', value_name = "LIST", help_heading = LEVELS)]
        #[serde(deserialize_with = "one_or_many")]
        pub sample_size: Vec<u64>,

        /// Sample the points closest to the centroid (`c`) or random ones (`r`) [default: c]
        #[arg(long, value_name = "WHICH", help_heading = LEVELS)]
        pub sampling_strategy: Option<Strategy>,

        /// Stop each k-means after N iterations [default: 50]
        #[arg(long, value_name = "N", help_heading = "K-means")]
        pub n_iters: Option<NonZero<u32>>,

        /// Stop a k-means once an iteration lowers the objective by less than this share; with 0, as in upstream, once no
        /// point moves [default: 0]
        #[arg(long, value_name = "SHARE", help_heading = "K-means")]
        pub tolerance: Option<f64>,

        /// Choose the first centroids this way [default: auto]
        #[arg(long, value_name = "HOW", help_heading = "K-means")]
        pub init: Option<Init>,

        /// Start each k-means N times and keep the result with the lowest objective [default: 1]
        #[arg(long, value_name = "N", help_heading = "K-means")]
        pub inits: Option<NonZero<u32>>,

        /// Seed all random choices with N [default: 0]
        #[arg(long, value_name = "N", help_heading = "K-means")]
        pub seed: Option<u64>,

        /// Fit level 1 to a random sample of N rows, or of a share of them such as 0.1, and then assign all rows [default: all
        /// rows]
        #[arg(long, value_name = "N", help_heading = "K-means")]
        pub fit_rows: Option<FitRows>,

        /// Fit level 1 to these rows (.npy of integers), and then assign all rows [default: all rows]
        #[arg(long, value_name = "NPY", help_heading = "K-means")]
        pub fit_indices: Option<PathBuf>,

        /// Store centroids as float32 or float64 (float16 stores float32); computation is unaffected [default:
        /// float32]
        #[arg(long, value_name = "TYPE", help_heading = "K-means")]
        pub dtype: Option<Precision>,

        /// Accept upstream's key; no effect, since sums and centroids are always computed in float64
        #[arg(long, value_name = "TYPE", help_heading = "K-means")]
        pub high_precision: Option<Precision>,

        /// Write the clustering to this folder [default: ./clustering]
        #[arg(long, short, alias = "exp-dir", value_name = "DIR", help_heading = "Output")]
        pub out: Option<PathBuf>,

        /// Replace an earlier clustering in the output folder [default: false]
        #[switch("Output")]
        pub force: Option<bool>,

        /// Save the progress of a k-means for `--resume` at this interval, e.g. 30s or 5m; `off` = never [default: 5m]
        #[arg(long, value_name = "TIME", help_heading = "Output")]
        pub checkpoint: Option<Checkpoint>,

        /// Copy this process's rows to this folder on the machine's own disk first, if they are read more than once, and read
        /// them from there, as in `clustrata metrics` [default: no copy]
        #[arg(long, value_name = "DIR", help_heading = "Input")]
        pub scratch: Option<PathBuf>,

        /// Divide every row by its Euclidean norm as it is read, so that distances follow the cosine [default: false; true with
        /// --spherical]
        #[switch("Input")]
        pub normalize: Option<bool>,

        /// Spherical k-means: move each centroid to norm 1 after every update, on every level; implies --normalize [default:
        /// false]
        #[switch("K-means")]
        pub spherical: Option<bool>,

        /// Compute on this device, as in `clustrata metrics` [default: auto]
        #[arg(long, short, value_name = "WHICH", help_heading = "Device")]
        #[serde(deserialize_with = "text_or_number")]
        pub device: Option<String>,

        /// Limit the CPU backend to N threads [default: all available]
        #[arg(long, value_name = "N", help_heading = "Device")]
        pub threads: Option<NonZero<usize>>,

        /// Do not time the kernels of a GPU, as in `clustrata metrics` [default: false]
        #[switch("Device")]
        pub no_tuning: Option<bool>,

        /// With several processes: let the others reach this one at this network interface of the machine only, e.g. ib0, or
        /// at this address [default: all interfaces, by the name of the machine]
        #[arg(long, value_name = "NAME|ADDRESS", help_heading = "Device")]
        pub interface: Option<String>,

        /// Experiment tracking.
        #[command(flatten)]
        #[serde(flatten)]
        pub tracking: Tracking,

        /// Upstream's keys that have no effect here, as spelled there.
        #[arg(skip)]
        #[serde(skip)]
        pub foreign: Map<String, Value>,

        /// Whether the file was written by this program, which has reported its foreign keys before.
        #[arg(skip)]
        #[serde(skip)]
        pub ours: bool,
    }
}

/// Element types, as upstream names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum), value(rename_all = "lowercase"))]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Half precision, 2 bytes.
    Float16,
    /// Single precision, 4 bytes.
    #[default]
    Float32,
    /// Double precision, 8 bytes.
    Float64,
}

#[cfg(test)]
mod tests;
