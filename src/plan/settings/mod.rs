//! Settings: as written (command line and `--config`), then as resolved (every one with its value).
//!
//! The same struct is the command line and the file: a key of the file is the flag's long name, with `-` or `_`. A flag
//! beats the file. An unknown key is an error that names the nearest one.

mod checkpoint;
mod choices;
mod figures;
mod file;
mod kmeans;
mod resolved;
mod silhouette;
mod tracking;
mod values;

use std::num::NonZero;
use std::path::PathBuf;

use clap::Args;
use serde::Deserialize;

use crate::evaluate::Nonfinite;
pub use checkpoint::Checkpoint;
pub use choices::{Distances, MapKind, MontageCaptions, MontageFormat, Sample};
pub use kmeans::{KmeansOptions, KmeansSettings, LevelSettings, Precision};
pub use resolved::Settings;
pub use silhouette::Silhouette;
pub use tracking::{Tracker, Tracking};
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

    /// Also write the points (points.parquet: names, clusters, distances, map) and the clusters as Parquet
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", hide_possible_values = true, require_equals = true, help_heading = "Output")]
    pub parquet: Option<bool>,

    /// Map of clusters and points in the report, of which points.parquet gets the plane [default: tsne]
    #[arg(long, value_name = "WHICH", help_heading = "Output")]
    pub map: Option<MapKind>,

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

    /// What montages are written as [default: png]
    #[arg(long, value_name = "FORMAT", help_heading = "Montages")]
    pub montage_format: Option<MontageFormat>,

    /// What stands below each image of a montage [default: distance]
    #[arg(long, value_name = "WHAT", help_heading = "Montages")]
    pub montage_captions: Option<MontageCaptions>,

    /// Clusters on the contact sheet of each level at most, one image each, from the best to the worst; 0 for none
    /// [default: 100, with any montages]
    #[arg(long, value_name = "N", help_heading = "Montages")]
    pub contact_sheet: Option<usize>,

    /// Figure of clusters that decides best and worst [default: inertia]
    #[arg(long, value_name = "COLUMN", help_heading = "Montages")]
    pub rank_by: Option<String>,

    /// Which members a montage shows [default: closest]
    #[arg(long, value_name = "WHICH", help_heading = "Montages")]
    pub sample: Option<Sample>,

    /// Seed of everything random [default: 0]
    #[arg(long, value_name = "N", help_heading = "Montages")]
    pub seed: Option<u64>,

    /// Who is told of the run.
    #[command(flatten)]
    #[serde(flatten)]
    pub tracking: Tracking,
}

impl Options {
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
            parquet: self.parquet.or(file.parquet),
            map: self.map.or(file.map),
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
            montage_format: self.montage_format.or(file.montage_format),
            montage_captions: self.montage_captions.or(file.montage_captions),
            contact_sheet: self.contact_sheet.or(file.contact_sheet),
            rank_by: self.rank_by.or(file.rank_by),
            sample: self.sample.or(file.sample),
            seed: self.seed.or(file.seed),
            tracking: self.tracking.over(file.tracking),
        }
    }
}

#[cfg(test)]
mod tests;
