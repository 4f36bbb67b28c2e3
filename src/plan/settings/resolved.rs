//! Resolved settings: each with its value.

use std::num::NonZero;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::values::device;
use super::{
    Checkpoint, Distances, MapKind, MontageCaptions, MontageFormat, Options, Reading, Sample, Scratch, Silhouette,
    Tracking, assignments, beside, selection,
};
use crate::base::error::{Error, Finding, Result};
use crate::base::{path_text, paths};
use crate::evaluate::Nonfinite;
use crate::formats::embeddings::{self, Expanded, Matches, ReadOptions};
use crate::formats::names::NameColumns;
use crate::metrics;
use crate::metrics::gates::Gate;

/// Maximum number of images in a montage.
const MOST_IMAGES: usize = 10_000;

/// All settings with their values, as recorded and as written to config.yaml.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the fields are those of Options, resolved")]
pub struct Settings {
    /// The folder, or the first file of labels.
    pub clustering: PathBuf,
    /// Files of labels; empty if the clustering is a folder.
    pub assignments: Vec<PathBuf>,
    pub centroids: Vec<PathBuf>,
    pub level_columns: Vec<String>,
    #[serde(serialize_with = "path_text::serialize_all")]
    pub embeddings: Vec<PathBuf>,
    /// The globs among the embeddings as written, with what they matched.
    #[serde(skip)]
    pub matches: Vec<Matches>,
    #[serde(serialize_with = "path_text::serialize_all")]
    pub images: Vec<PathBuf>,
    pub image_root: Option<PathBuf>,
    pub subset_indices: Option<PathBuf>,
    pub labels: Option<PathBuf>,
    pub allow_unassigned: bool,
    pub nonfinite: Nonfinite,
    /// `None` until the inputs are opened: it then follows the clustering.
    pub normalize: Option<bool>,
    pub levels: Vec<u32>,
    pub metrics: Vec<String>,
    pub silhouette: Silhouette,
    pub yes: bool,
    /// Whether the user left the choice of metrics to the program, which then skips expensive ones. It never skips metrics
    /// that a ranking, a gate or `--silhouette` needs.
    #[serde(skip)]
    pub leave_out: bool,
    /// A metric that the user named and that needs normalised rows.
    #[serde(skip)]
    pub cosine_asked: Option<String>,
    /// Whether the user requested the silhouette explicitly.
    #[serde(skip)]
    pub silhouette_asked: bool,
    #[serde(rename = "fail-if")]
    pub gates: Vec<Gate>,
    pub distances: Distances,
    pub parquet: bool,
    pub parquet_thumbnails: bool,
    pub map: MapKind,
    pub out: PathBuf,
    pub force: bool,
    pub checkpoint: Checkpoint,
    pub scratch: Option<Scratch>,
    #[serde(flatten)]
    pub reading: Reading,
    pub image_column: Option<String>,
    pub caption_column: Option<String>,
    pub label_column: Option<String>,
    pub device: String,
    pub threads: Option<NonZero<usize>>,
    pub tile_rows: Option<NonZero<usize>>,
    pub no_tuning: bool,
    pub best: usize,
    pub worst: usize,
    pub montage_size: usize,
    pub montage_min_size: u64,
    pub montage_format: MontageFormat,
    pub montage_captions: MontageCaptions,
    pub contact_sheet: usize,
    /// `None` until the plan chooses: see [`metrics::default_ranking`].
    pub rank_by: Option<String>,
    pub sample: Sample,
    pub seed: u64,
    #[serde(flatten)]
    pub tracking: Tracking,
}

impl Options {
    /// Resolves all settings. Values that come from upstream's config.yaml (embeddings, subset, whether rows are normalised) or from the device (tile rows)
    /// stay open; the plan and the run fill them in.
    ///
    /// # Errors
    /// `Usage` for settings that are missing or contradict each other; `Input` if no file matches `embeddings`.
    pub fn resolve(self) -> Result<Settings> {
        let of_labels =
            [("--centroids", !self.centroids.is_empty()), ("--level-columns", !self.level_columns.is_empty())];
        let (clustering, assignments) = assignments::clustering(self.clustering, self.assignments, of_labels)?;
        let rank_by = self.rank_by.map(|name| name.replace('-', "_"));
        let ranking = rank_by.as_deref().unwrap_or(metrics::LAST_RANKING);
        metrics::ranked_by(ranking).map_err(Error::usage)?;
        let leave_out = self.metrics.is_empty();
        let gates = selection::gates(&self.fail_if)?;
        let asked: Vec<&str> =
            gates.iter().filter_map(|gate| -> Option<&str> { gate.metric() }).chain([ranking]).collect();
        let silhouette_asked = self.silhouette.is_some() || asked.iter().any(|name| selection::is_silhouette(name));
        let cosine_asked = selection::of_cosines(&self.metrics, &asked);
        let chosen = selection::choose(self.metrics, self.silhouette, &asked, self.labels.is_some());
        let (metrics, silhouette) = chosen.map_err(Error::usage)?;
        let embeddings = match self.embeddings.as_slice() {
            [] => Expanded::default(),
            patterns => embeddings::expand(patterns).map_err(Error::input)?,
        };
        let thumbnails = self.parquet_thumbnails.unwrap_or(false);
        let parquet = self.parquet.unwrap_or(false) || thumbnails;
        if parquet && !cfg!(feature = "parquet") {
            let finding = Finding::new("this program was built without Parquet");
            return Err(Error::usage(finding.hint("build it with its default features, or remove --parquet")));
        }
        if thumbnails && self.images.is_empty() {
            let finding = Finding::new("there are no images to make thumbnails of");
            return Err(Error::usage(finding.hint("name them with --images, or remove --parquet-thumbnails")));
        }
        let images = embeddings::expand(&self.images).map_err(Error::input)?.files;
        let (best, worst) = (self.best.unwrap_or(5), self.worst.unwrap_or(5));
        let montage_size = self.montage_size.map_or(20, NonZero::get);
        let contact_sheet = self.contact_sheet.unwrap_or(if best > 0 || worst > 0 { 100 } else { 0 });
        check_images([("--montage-size", montage_size), ("--contact-sheet", contact_sheet)])?;
        let image_root = self.image_root.or_else(|| images.first().map(|file| parent_of(file).to_owned()));
        Ok(Settings {
            out: self.out.unwrap_or_else(|| beside(&clustering, !assignments.is_empty(), "metrics")),
            clustering,
            assignments,
            centroids: self.centroids,
            level_columns: self.level_columns,
            embeddings: embeddings.files,
            matches: embeddings.matches,
            images,
            image_root,
            subset_indices: self.subset_indices,
            labels: self.labels,
            allow_unassigned: self.allow_unassigned.unwrap_or(false),
            nonfinite: self.nonfinite.unwrap_or_default(),
            normalize: self.normalize,
            cosine_asked,
            levels: self.levels,
            metrics,
            silhouette,
            yes: self.yes.unwrap_or(false),
            leave_out,
            silhouette_asked,
            gates,
            distances: self.distances.unwrap_or_default(),
            parquet,
            parquet_thumbnails: thumbnails,
            map: self.map.unwrap_or_default(),
            force: self.force.unwrap_or(false),
            checkpoint: self.checkpoint.unwrap_or_default(),
            scratch: self.scratch.map(Scratch::new),
            reading: self.reading,
            image_column: self.image_column,
            caption_column: self.caption_column,
            label_column: self.label_column,
            device: device(self.device).map_err(Error::usage)?,
            threads: self.threads,
            tile_rows: self.tile_rows,
            no_tuning: self.no_tuning.unwrap_or(false),
            best,
            worst,
            montage_size,
            montage_min_size: self.montage_min_size.unwrap_or(10),
            montage_format: self.montage_format.unwrap_or_default(),
            montage_captions: self.montage_captions.unwrap_or_default(),
            contact_sheet,
            rank_by,
            sample: self.sample.unwrap_or_default(),
            seed: self.seed.unwrap_or(0),
            tracking: self.tracking,
        })
    }
}

impl Settings {
    /// The settings for one part of a sharded run. All parts must compute the same metrics whatever their devices, so none is
    /// skipped for its cost. Without `--metrics`, all metrics are computed except the silhouette, which compares all pairs of
    /// points and must be requested.
    #[must_use]
    pub fn for_parts(mut self) -> Settings {
        if self.leave_out && !self.silhouette_asked {
            self.metrics.retain(|name| !selection::is_silhouette(name));
            self.silhouette = Silhouette::Off;
        }
        Settings { leave_out: false, yes: true, ..self }
    }

    /// The same settings with absolute paths, for use from another working directory.
    #[must_use]
    pub fn absolute(mut self) -> Settings {
        let optional = [&mut self.image_root, &mut self.subset_indices, &mut self.labels];
        let paths = optional.into_iter().flatten().chain([&mut self.clustering, &mut self.out]);
        let lists = self.embeddings.iter_mut().chain(&mut self.assignments).chain(&mut self.centroids);
        for path in paths.chain(lists).chain(&mut self.images) {
            *path = paths::absolute_or_same(path);
        }
        self.scratch = self.scratch.map(Scratch::absolute);
        self
    }

    /// Which arrays of the embeddings' files are read, and how.
    #[must_use]
    pub fn read_options(&self) -> ReadOptions {
        self.reading.options(self.scratch_folder().as_deref())
    }

    /// The folder of `--scratch`; `None` if it was not given, or has a variable that is not set on this machine.
    #[must_use]
    pub fn scratch_folder(&self) -> Option<PathBuf> {
        self.scratch.as_ref()?.folder().ok()
    }

    /// The columns of image names.
    #[must_use]
    pub fn name_columns(&self) -> NameColumns {
        NameColumns { image: self.image_column.clone(), caption: self.caption_column.clone() }
    }

    /// The settings as YAML that `--config` accepts in any folder.
    ///
    /// # Errors
    /// `Failed` if a path is not UTF-8.
    pub fn to_yaml(&self) -> Result<String> {
        // `force` must be requested again when this file is reused with --config
        let settings = Settings { force: false, ..self.clone().absolute() };
        let text = serde_saphyr::to_string(&settings);
        text.map_err(|e| Error::failed(Finding::new("can't write the settings as YAML").found(e.to_string())))
    }
}

/// Refuses montages with too many images.
fn check_images(options: [(&str, usize); 2]) -> Result<()> {
    let Some((option, images)) = options.into_iter().find(|(_, images)| *images > MOST_IMAGES) else { return Ok(()) };
    let finding = Finding::new("too many images for a montage");
    Err(Error::usage(finding.expected(format!("{option} of at most {MOST_IMAGES}")).found(images.to_string())))
}

/// The folder of a file.
fn parent_of(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
