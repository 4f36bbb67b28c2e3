//! Settings: as written (command line and `--config`), then as resolved (each with its value).
//!
//! One struct declares both the command line and the config file: a key of the file is the long name of a flag, spelled with
//! `-` or `_`. Flags take precedence over the file. An unknown key is an error that suggests the nearest one.

mod assign;
mod assignments;
mod checkpoint;
mod choices;
mod file;
mod kmeans;
mod layer;
mod reading;
mod resolved;
mod scratch;
mod selection;
mod silhouette;
mod tracking;
mod values;

use std::num::NonZero;
use std::path::PathBuf;

use crate::evaluate::Nonfinite;
pub use assign::{AssignFormat, AssignOptions, AssignSettings};
pub use assignments::beside;
pub use checkpoint::Checkpoint;
pub use choices::{Distances, MapKind, MontageCaptions, MontageFormat, Sample};
pub use kmeans::{FitRows, KmeansOptions, KmeansSettings, LevelSettings, Precision};
use layer::options;
pub use reading::Reading;
pub use resolved::Settings;
pub use scratch::{Scratch, Unset};
pub use silhouette::Silhouette;
pub use tracking::{Tracker, Tracking};
use values::{one_or_many, text_or_number};

options! {
    /// Settings of `metrics` as the user wrote them; absent ones were not given.
    #[allow(rustdoc::broken_intra_doc_links, reason = "the texts are command-line help, where [n] is a shape")]
    pub struct Options {
        /// Folder of the clustering: level1, level2, ... as written by ssl-data-curation; or a file of labels, as in
        /// --assignments
        #[arg(value_name = "CLUSTERING")]
        pub clustering: Option<PathBuf>,

        /// Read the embeddings from these files (or a quoted glob), joined by rows: .npy, .npz, .parquet, .safetensors, .fbin,
        /// .fvecs and others [default: embeddings_path of CLUSTERING/config.yaml]
        #[arg(long, short, value_name = "FILE", num_args = 1.., value_parser = values::pattern(), help_heading = "Input")]
        #[serde(deserialize_with = "one_or_many")]
        pub embeddings: Vec<String>,

        /// Read image names from these files (or a quoted glob), row i naming point i, and make montages: .pkl (paths or (path,
        /// caption)), .txt, .csv or .parquet with a `path` column, .npy
        #[arg(long, short, value_name = "FILE", num_args = 1.., value_parser = values::pattern(), help_heading = "Input")]
        #[serde(deserialize_with = "one_or_many")]
        pub images: Vec<String>,

        /// Resolve relative image paths from this folder [default: the folder of --images]
        #[arg(long, value_name = "DIR", help_heading = "Input")]
        pub image_root: Option<PathBuf>,

        /// Read the rows that were clustered (.npy of integers): member j of level 1 is row subset[j] [default:
        /// subset_indices_path of CLUSTERING/config.yaml]
        #[arg(long, value_name = "NPY", help_heading = "Input")]
        pub subset_indices: Option<PathBuf>,

        /// Read the class of each row, and add purity, ari, ami, nmi and other agreement metrics: .npy of integers or strings,
        /// .txt with one label per line, .csv or .parquet with a `label` column; empty or -1 = unknown
        #[arg(long, value_name = "FILE", help_heading = "Input")]
        pub labels: Option<PathBuf>,

        /// Accept rows that are in no cluster; metrics leave them out [default: false]
        #[switch("Input")]
        pub allow_unassigned: Option<bool>,

        /// Refuse embeddings with NaN or infinite values, or skip those rows in every metric [default: refuse]
        #[arg(long, value_name = "POLICY", help_heading = "Input")]
        pub nonfinite: Option<Nonfinite>,

        /// Evaluate these levels, e.g. 1,3 [default: all]
        #[arg(long, value_delimiter = ',', value_name = "LIST", help_heading = "Metrics")]
        #[serde(deserialize_with = "one_or_many")]
        pub levels: Vec<u32>,

        /// Compute these metrics: `fast` (one pass over the embeddings), `all`, or names such as inertia,mean-distance
        /// (listed below) [default: every metric estimated to take under ten minutes; skipped ones are listed]
        #[arg(long, value_delimiter = ',', value_name = "LIST", help_heading = "Metrics")]
        #[serde(deserialize_with = "one_or_many")]
        pub metrics: Vec<String>,

        /// Compute exact silhouettes for all points (`exact`), for N sampled points with a standard error (`sample:N`), or
        /// not at all (`off`) [default: exact, if selected]
        #[arg(long, value_name = "WHICH", help_heading = "Metrics")]
        pub silhouette: Option<Silhouette>,

        /// Run even if the work beyond the first pass is estimated to take over ten minutes [default: false]
        #[switch("Metrics")]
        pub yes: Option<bool>,

        /// Exit with code 5 if this condition is met, or its metric is undefined, e.g. 'level1.silhouette < 0.1'; repeatable. Levels: levelN,
        /// level* or any (any level), all (all levels); comparisons: < <= > >= == !=. Or on findings: 'findings.severe > 0'
        #[arg(long, value_name = "CONDITION", help_heading = "Metrics")]
        #[serde(deserialize_with = "one_or_many")]
        pub fail_if: Vec<String>,

        /// Write distances: of each row to its own centroid, [n] (`own`), or to every centroid, [n, k] (`all`) [default:
        /// none]
        #[arg(long, value_name = "WHICH", help_heading = "Output")]
        pub distances: Option<Distances>,

        /// Write the points (points.parquet: names, labels, clusters, distances, margins, silhouettes, map) and the clusters as
        /// Parquet [default: false]
        #[switch("Output")]
        pub parquet: Option<bool>,

        /// Add a column `image` with a thumbnail of every image to points.parquet, at most 96 pixels wide and high, as PNG or
        /// JPEG; implies --parquet [default: false]
        #[switch("Output")]
        pub parquet_thumbnails: Option<bool>,

        /// Draw this map of clusters and points in the report; points.parquet gets its places [default: tsne]
        #[arg(long, value_name = "WHICH", help_heading = "Output")]
        pub map: Option<MapKind>,

        /// Write results to this folder [default: CLUSTERING/metrics; LABELS-metrics beside a file of labels]
        #[arg(long, short, value_name = "DIR", help_heading = "Output")]
        pub out: Option<PathBuf>,

        /// Replace the results of an earlier run in the output folder [default: false]
        #[switch("Output")]
        pub force: Option<bool>,

        /// Save progress for `--resume` at this interval, e.g. 30s or 5m; `off` = never [default: 5m]
        #[arg(long, value_name = "TIME", help_heading = "Output")]
        pub checkpoint: Option<Checkpoint>,

        /// Copy rows that are read more than once to this folder on the machine's own disk first, once per machine, and read
        /// them from there, e.g. '$TMPDIR' of a batch job; without room there, read the source [default: no copy]
        #[arg(long, value_name = "DIR", help_heading = "Input")]
        pub scratch: Option<PathBuf>,

        /// Which arrays of the embeddings' files are read.
        #[command(flatten)]
        #[serde(flatten)]
        pub reading: Reading,

        /// Read image paths from this column of a .csv or .parquet [default: path; in Parquet also image_path, file_name, url
        /// or key]
        #[arg(long, value_name = "NAME", help_heading = "Input")]
        pub image_column: Option<String>,

        /// Read captions from this column of a .csv or .parquet [default: caption, if there is one]
        #[arg(long, value_name = "NAME", help_heading = "Input")]
        pub caption_column: Option<String>,

        /// Read labels from this column of a .csv or .parquet [default: label]
        #[arg(long, value_name = "NAME", help_heading = "Input")]
        pub label_column: Option<String>,

        /// Divide every row by its Euclidean norm as it is read, so that distances follow the cosine; adds silhouette_cosine.
        /// Rows of zeros count as non-finite [default: as `clustrata kmeans` made the clustering, else false]
        #[switch("Input")]
        pub normalize: Option<bool>,

        /// Evaluate the clustering that these files of labels describe, in place of a folder; several files are levels, fine
        /// to coarse. .npy of numbers or strings ([n], or [n, levels]), .txt with a label per line, .csv or .parquet with a
        /// column `label` or columns level1, level2, ...; empty, NaN or -1 = in no cluster. Label c is cluster c; strings are numbered as
        /// they appear
        #[arg(long, value_delimiter = ',', value_name = "FILES", help_heading = "Input")]
        #[serde(deserialize_with = "one_or_many")]
        pub assignments: Vec<PathBuf>,

        /// Read the centroids of --assignments from these .npy files, one per level: row c is the centroid of label c
        /// [default: the means of the clusters, in one more pass over the embeddings]
        #[arg(long, value_delimiter = ',', value_name = "NPY", help_heading = "Input")]
        #[serde(deserialize_with = "one_or_many")]
        pub centroids: Vec<PathBuf>,

        /// Read the labels from these columns of a .csv or .parquet, fine to coarse [default: level1, level2, ..., or `label` or
        /// `cluster`]
        #[arg(long, value_delimiter = ',', value_name = "NAMES", help_heading = "Input")]
        #[serde(deserialize_with = "one_or_many")]
        pub level_columns: Vec<String>,

        /// Compute on this device: auto, gpu, cpu, an index from `clustrata devices`, or part of a device name. `auto`
        /// picks a discrete GPU, then an integrated one, then the CPU; `gpu` never uses the CPU backend [default: auto]
        #[arg(long, short, value_name = "WHICH", help_heading = "Device")]
        #[serde(deserialize_with = "text_or_number")]
        pub device: Option<String>,

        /// Limit the CPU backend to N threads [default: all available]
        #[arg(long, value_name = "N", help_heading = "Device")]
        pub threads: Option<NonZero<usize>>,

        /// Process N rows at a time [default: chosen for the device]
        #[arg(long, value_name = "N", help_heading = "Device")]
        pub tile_rows: Option<NonZero<usize>>,

        /// Do not time the kernels of a GPU on the run's first tiles, and do not read or write measured speeds; results are the
        /// same either way [default: false]
        #[switch("Device")]
        pub no_tuning: Option<bool>,

        /// Make montages of the N best clusters of each level [default: 5]
        #[arg(long, value_name = "N", help_heading = "Montages")]
        pub best: Option<usize>,

        /// Make montages of the N worst clusters of each level [default: 5]
        #[arg(long, value_name = "N", help_heading = "Montages")]
        pub worst: Option<usize>,

        /// Show at most N images per montage; sections share them out equally [default: 20]
        #[arg(long, value_name = "N", help_heading = "Montages")]
        pub montage_size: Option<NonZero<usize>>,

        /// Rank only clusters with at least N points [default: 10]
        #[arg(long, value_name = "N", help_heading = "Montages")]
        pub montage_min_size: Option<u64>,

        /// Write montages in this format [default: png]
        #[arg(long, value_name = "FORMAT", help_heading = "Montages")]
        pub montage_format: Option<MontageFormat>,

        /// Caption each image of a montage with this [default: distance]
        #[arg(long, value_name = "WHAT", help_heading = "Montages")]
        pub montage_captions: Option<MontageCaptions>,

        /// Show at most N clusters on the contact sheet of each level, one image each, best to worst; 0 = no sheet
        /// [default: 100, if montages are made]
        #[arg(long, value_name = "N", help_heading = "Montages")]
        pub contact_sheet: Option<usize>,

        /// Rank clusters by this per-cluster metric [default: silhouette; if it is not computed exactly,
        /// simplified_silhouette; if that is not, mean_inertia]
        #[arg(long, value_name = "COLUMN", help_heading = "Montages")]
        pub rank_by: Option<String>,

        /// Show these members in montages [default: sections]
        #[arg(long, value_name = "WHICH", help_heading = "Montages")]
        pub sample: Option<Sample>,

        /// Seed all random choices with N [default: 0]
        #[arg(long, value_name = "N", help_heading = "Montages")]
        pub seed: Option<u64>,

        /// Experiment tracking.
        #[command(flatten)]
        #[serde(flatten)]
        pub tracking: Tracking,
    }
}

#[cfg(test)]
mod tests;
